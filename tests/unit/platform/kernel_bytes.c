/* What macOS's kernel writes, in bytes that are put together here member by member, in the order of
 * its headers: sys/proc_info.h, sys/sysctl.h with sys/proc.h, bsm/audit.h. */
#include "platform/darwin/kernel_bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/argv.h"
#include "base/buffer.h"
#include "unit.h"

static void put(struct buffer *buffer, uint64_t number, size_t size) {
	while (buffer->len % size != 0)
		buffer_put_u8(buffer, 0);
	for (size_t i = 0; i < size; i++)
		buffer_put_u8(buffer, (uint8_t)(number >> 8 * i));
}

static void put_i32(struct buffer *buffer, uint32_t number) {
	put(buffer, number, 4);
}

static void put_i64(struct buffer *buffer, uint64_t number) {
	put(buffer, number, 8);
}

static void put_text(struct buffer *buffer, const char *text, size_t size) {
	size_t len = strlen(text);

	buffer_put_raw(buffer, (struct bytes){(const uint8_t *)text, len < size ? len : size});
	for (; len < size; len++)
		buffer_put_u8(buffer, 0);
}

static void put_zeros(struct buffer *buffer, size_t count) {
	while (count-- > 0)
		buffer_put_u8(buffer, 0);
}

/* Bytes that must not be looked at. */
static void put_others(struct buffer *buffer, size_t count) {
	while (count-- > 0)
		buffer_put_u8(buffer, 0xa5);
}

struct bsd {
	uint32_t flags, status, pid, ppid, uid;
	const char *comm, *name;
	uint64_t seconds, microseconds;
};

static void put_bsd(struct buffer *buffer, const struct bsd *bsd) {
	put_i32(buffer, bsd->flags);
	put_i32(buffer, bsd->status);
	put_i32(buffer, 0xa5a5a5a5); /* pbi_xstatus */
	put_i32(buffer, bsd->pid);
	put_i32(buffer, bsd->ppid);
	put_i32(buffer, bsd->uid);
	put_others(buffer, 6 * 4); /* pbi_gid to rfu_1 */
	put_text(buffer, bsd->comm, 16);
	put_text(buffer, bsd->name, 32);
	put_others(buffer, 6 * 4); /* pbi_nfiles to pbi_nice */
	put_i64(buffer, bsd->seconds);
	put_i64(buffer, bsd->microseconds);
}

static int parse_bsd(struct darwin_process *ret, const struct bsd *bsd) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	put_bsd(&buffer, bsd);
	assert_int_equal(buffer.len, DARWIN_BSDINFO_SIZE);
	return darwin_bsdinfo_parse(ret, buffer_bytes(&buffer));
}

static const struct bsd ssh = {.flags = 0x4090, /* LP64, controlling terminal, has called exec */
                               .status = 2,     /* SRUN */
                               .pid = 4711,
                               .ppid = 4000,
                               .uid = 501,
                               .comm = "ssh",
                               .name = "ssh",
                               .seconds = 1800000000,
                               .microseconds = 123456};

static void bsd_information_is_read_by_its_layout(void **state) {
	struct darwin_process process = {0};

	(void)state;
	assert_int_equal(parse_bsd(&process, &ssh), 0);
	assert_int_equal(process.pid, 4711);
	assert_int_equal(process.parent, 4000);
	assert_int_equal(process.uid, 501);
	assert_int_equal(process.start_us, 1800000000123456);
	assert_true(process.has_terminal);
	assert_false(process.traced);
	assert_false(process.ends);
	assert_string_equal(process.title, "ssh");
}

static void each_flag_of_bsd_information_counts_for_itself(void **state) {
	struct darwin_process process = {0};
	struct bsd bsd = ssh;

	(void)state;
	bsd.flags = 0x10 | 0x2;
	assert_int_equal(parse_bsd(&process, &bsd), 0);
	assert_true(process.traced);
	assert_false(process.has_terminal);
	assert_false(process.ends);
	bsd.flags = 0x10 | 0x4;
	assert_int_equal(parse_bsd(&process, &bsd), 0);
	assert_true(process.ends);
	assert_false(process.traced);
	bsd.flags = 0x10;
	bsd.status = 5;
	assert_int_equal(parse_bsd(&process, &bsd), 0);
	assert_true(process.ends);
}

static void a_title_that_fills_its_room_has_an_end(void **state) {
	struct darwin_process process = {0};
	struct bsd bsd = ssh;

	(void)state;
	bsd.name = "0123456789abcdef0123456789abcdef";
	assert_int_equal(parse_bsd(&process, &bsd), 0);
	assert_string_equal(process.title, bsd.name);
	bsd.name = "";
	bsd.comm = "0123456789abcdef";
	assert_int_equal(parse_bsd(&process, &bsd), 0);
	assert_string_equal(process.title, bsd.comm);
}

static void what_is_no_process_is_refused(void **state) {
	struct darwin_process process = {.pid = 7};
	uint8_t bytes[DARWIN_BSDINFO_SIZE + 1] = {0};
	struct bsd bsd = ssh;

	(void)state;
	bsd.pid = 0;
	assert_int_equal(parse_bsd(&process, &bsd), -EBADMSG);
	bsd.pid = 0x80000000;
	assert_int_equal(parse_bsd(&process, &bsd), -EBADMSG);
	bsd = ssh;
	bsd.ppid = 0xffffffff;
	assert_int_equal(parse_bsd(&process, &bsd), -EBADMSG);
	bsd = ssh;
	bsd.microseconds = 1000000;
	assert_int_equal(parse_bsd(&process, &bsd), -EBADMSG);
	bsd = ssh;
	bsd.seconds = UINT64_MAX / 2;
	assert_int_equal(parse_bsd(&process, &bsd), -EBADMSG);
	for (size_t len = 0; len <= sizeof(bytes); len++)
		assert_int_equal(darwin_bsdinfo_parse(&process, (struct bytes){bytes, len}),
		                 -EBADMSG);
	assert_int_equal(process.pid, 7);
}

struct kinfo {
	uint32_t flags;
	uint8_t status;
	uint32_t pid, ppid, uid;
	const char *comm;
};

static void put_extern_proc(struct buffer *buffer, const struct kinfo *kinfo) {
	put_i64(buffer, 1800000000); /* p_starttime */
	put_i32(buffer, 654321);
	put_others(buffer, 4);
	put_i64(buffer, UINT64_MAX); /* p_vmspace, p_sigacts */
	put_i64(buffer, UINT64_MAX);
	put_i32(buffer, kinfo->flags);
	put(buffer, kinfo->status, 1);
	put_i32(buffer, kinfo->pid);
	put_i32(buffer, 99); /* p_oppid, p_dupfd */
	put_i32(buffer, 99);
	put_i64(buffer, UINT64_MAX); /* user_stack, exit_thread */
	put_i64(buffer, UINT64_MAX);
	put_others(buffer, 5 * 4);   /* p_debugger to p_pctcpu */
	put_i64(buffer, UINT64_MAX); /* p_wchan, p_wmesg */
	put_i64(buffer, UINT64_MAX);
	put_others(buffer, 2 * 4);     /* p_swtime, p_slptime */
	put_others(buffer, 32 + 16);   /* p_realtimer, p_rtime */
	put_others(buffer, 3 * 8 + 4); /* p_uticks to p_traceflag */
	put_i64(buffer, UINT64_MAX);   /* p_tracep */
	put_i32(buffer, 99);           /* p_siglist */
	put_i64(buffer, UINT64_MAX);   /* p_textvp */
	put_others(buffer, 4 * 4 + 3); /* p_holdcnt to p_sigcatch, p_priority to p_nice */
	put_text(buffer, kinfo->comm, 17);
	put_i64(buffer, UINT64_MAX); /* p_pgrp, p_addr */
	put_i64(buffer, UINT64_MAX);
	put_others(buffer, 2 * 2);
	put_i64(buffer, UINT64_MAX); /* p_ru */
}

static void put_eproc(struct buffer *buffer, const struct kinfo *kinfo) {
	put_i64(buffer, UINT64_MAX); /* e_paddr, e_sess */
	put_i64(buffer, UINT64_MAX);
	put_others(buffer, 72); /* e_pcred: pc_lock */
	put_i64(buffer, UINT64_MAX);
	put_others(buffer, 5 * 4 + 4); /* its ids, and a count */
	put_i32(buffer, 3);            /* e_ucred: cr_ref, cr_uid, cr_ngroups, cr_groups */
	put_i32(buffer, kinfo->uid);
	put_others(buffer, 4 + 16 * 4 + 4);
	put_i32(buffer, 0); /* e_vm: a number, an address, five numbers, three addresses */
	put_i64(buffer, UINT64_MAX);
	put_others(buffer, 5 * 4);
	for (int i = 0; i < 3; i++)
		put_i64(buffer, UINT64_MAX);
	put_i32(buffer, kinfo->ppid);
	put_i32(buffer, 99);           /* e_pgid */
	put_others(buffer, 4 + 2 * 4); /* e_jobc, e_tdev, e_tpgid */
	put_i64(buffer, UINT64_MAX);   /* e_tsess */
	put_others(buffer, 8 + 4 + 3 * 2 + 2 + 4 + 12 + 4 * 4);
}

static int parse_kinfo(struct darwin_process *ret, const struct kinfo *kinfo) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};

	put_extern_proc(&buffer, kinfo);
	assert_int_equal(buffer.len, 296);
	put_eproc(&buffer, kinfo);
	put_zeros(&buffer, buffer.len % 8 != 0 ? 8 - buffer.len % 8 : 0);
	assert_int_equal(buffer.len, DARWIN_KINFO_SIZE);
	return darwin_kinfo_parse(ret, buffer_bytes(&buffer));
}

static void a_process_of_another_user_is_read_by_its_layout(void **state) {
	struct kinfo sshd = {.flags = 0x4000, .status = 2, .pid = 90, .ppid = 1, .comm = "sshd"};
	struct darwin_process process = {0};

	(void)state;
	assert_int_equal(parse_kinfo(&process, &sshd), 0);
	assert_int_equal(process.pid, 90);
	assert_int_equal(process.parent, 1);
	assert_int_equal(process.uid, 0);
	assert_int_equal(process.start_us, 1800000000654321);
	assert_false(process.has_terminal);
	assert_false(process.traced);
	assert_false(process.ends);
	assert_string_equal(process.title, "sshd");

	sshd.flags = 0x800 | 0x2;
	sshd.uid = 501;
	assert_int_equal(parse_kinfo(&process, &sshd), 0);
	assert_true(process.traced);
	assert_true(process.has_terminal);
	assert_int_equal(process.uid, 501);

	sshd.flags = 0;
	sshd.status = 5;
	assert_int_equal(parse_kinfo(&process, &sshd), 0);
	assert_true(process.ends);
	sshd.ppid = 0x80000000;
	assert_int_equal(parse_kinfo(&process, &sshd), -EBADMSG);
	assert_int_equal(darwin_kinfo_parse(&process, (struct bytes){NULL, 0}), -EBADMSG);
}

static void the_version_of_a_pid_lies_behind_three_numbers(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	uint32_t version = 7;

	(void)state;
	put_others(&buffer, 16); /* p_uuid */
	put_i64(&buffer, 1001);  /* p_uniqueid, p_puniqueid */
	put_i64(&buffer, 1000);
	put_i32(&buffer, 3456);
	assert_int_equal(darwin_version_parse(&version, buffer_bytes(&buffer)), -EBADMSG);
	assert_int_equal(version, 7);
	put_others(&buffer, 4 + 2 * 8);
	assert_int_equal(darwin_version_parse(&version, buffer_bytes(&buffer)), 0);
	assert_int_equal(version, 3456);
}

static void a_token_names_a_process_and_its_image(void **state) {
	static const uint32_t numbers[] = {501, 502, 20, 503, 21, 4711, 100023, 88};
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct darwin_token token = {0};

	(void)state;
	for (size_t i = 0; i < 8; i++)
		put_i32(&buffer, numbers[i]);
	assert_int_equal(darwin_token_parse(&token, buffer_bytes(&buffer)), 0);
	assert_int_equal(token.uid, 502);
	assert_int_equal(token.gid, 20);
	assert_int_equal(token.pid, 4711);
	assert_int_equal(token.version, 88);
	assert_int_equal(darwin_token_parse(&token, (struct bytes){buffer.data, 28}), -EBADMSG);
	memset(buffer.data + 5 * 4, 0, 4);
	assert_int_equal(darwin_token_parse(&token, buffer_bytes(&buffer)), -EBADMSG);
	assert_int_equal(token.pid, 4711);
}

/* struct proc_vnodepathinfo: two of struct vnode_info_path, that is of struct vnode_info with a
 * path. */
static void put_directory(struct buffer *buffer, const char *path) {
	put_others(buffer, 136); /* vi_stat */
	put_others(buffer, 4 + 4 + 8);
	put_text(buffer, path, 1024);
}

static void the_working_directory_is_the_first_of_two(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct bytes path = BYTES("x");

	(void)state;
	put_directory(&buffer, "/Users/a/src");
	put_directory(&buffer, "/var/root");
	assert_int_equal(darwin_directory_parse(&path, buffer_bytes(&buffer)), 0);
	assert_true(bytes_equal_text(path, "/Users/a/src"));
}

static void a_directory_without_an_absolute_path_is_unknown(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct bytes path = {0};

	(void)state;
	put_directory(&buffer, "");
	put_directory(&buffer, "/");
	assert_int_equal(darwin_directory_parse(&path, buffer_bytes(&buffer)), -ENOENT);
	memset(buffer.data + 152, '/', 1024); /* without an end */
	assert_int_equal(darwin_directory_parse(&path, buffer_bytes(&buffer)), -EBADMSG);
	assert_int_equal(darwin_directory_parse(&path, (struct bytes){buffer.data, 1176}),
	                 -EBADMSG);
	assert_null(path.data);
}

/* struct socket_fdinfo: struct proc_fileinfo, and struct socket_info, whose end is a union. */
static void put_socket(struct buffer *buffer, uint32_t status, uint32_t kind) {
	put_i32(buffer, 3); /* fi_openflags */
	put_i32(buffer, status);
	put_i64(buffer, 0); /* fi_offset */
	put_i32(buffer, 2); /* fi_type, fi_guardflags */
	put_i32(buffer, 0);
	put_others(buffer, 136);                 /* soi_stat */
	put_i64(buffer, 0x1122334455667788);     /* soi_so */
	put_i64(buffer, UINT64_MAX);             /* soi_pcb */
	put_others(buffer, 3 * 4 + 8 * 2);       /* soi_type to soi_error */
	put_others(buffer, 4 + 2 * (5 * 4 + 4)); /* soi_oobmark, soi_rcv, soi_snd */
	put_i32(buffer, kind);
	put_i32(buffer, 99);                 /* rfu_1 */
	put_i64(buffer, 0x8877665544332211); /* unsi_conn_so */
	put_others(buffer, DARWIN_SOCKET_SIZE - buffer->len);
}

static void a_socket_knows_the_other_end(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct darwin_socket socket = {0};

	(void)state;
	put_socket(&buffer, 0x2, 3);
	assert_int_equal(darwin_socket_parse(&socket, buffer_bytes(&buffer)), 0);
	assert_true(socket.own == 0x1122334455667788);
	assert_true(socket.other == 0x8877665544332211);
	assert_true(socket.close_on_exec);
	buffer_clear(&buffer);
	put_socket(&buffer, 0x1 | 0x4, 3); /* shared, guarded */
	assert_int_equal(darwin_socket_parse(&socket, buffer_bytes(&buffer)), 0);
	assert_false(socket.close_on_exec);
	buffer_clear(&buffer);
	put_socket(&buffer, 0x2, 2); /* TCP: the union holds something else */
	assert_int_equal(darwin_socket_parse(&socket, buffer_bytes(&buffer)), -ENOTSOCK);
	assert_int_equal(darwin_socket_parse(&socket, (struct bytes){buffer.data, 100}), -EBADMSG);
}

/* argc, and then these bytes. */
static int parse_arguments(struct darwin_arguments *ret, struct buffer *buffer, uint32_t argc,
                           struct bytes texts, size_t argv_len_max) {
	buffer_clear(buffer);
	put_i32(buffer, argc);
	buffer_put_raw(buffer, texts);
	return darwin_arguments_parse(ret, buffer_bytes(buffer), argv_len_max);
}

#define TEXTS(literal) ((struct bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

static void arguments_and_environment_follow_the_path(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct darwin_arguments arguments = {0};
	char **argv;
	size_t argc;

	(void)state;
	assert_int_equal(
		parse_arguments(&arguments, &buffer, 3,
	                        TEXTS("/usr/bin/ssh\0\0\0\0ssh\0-p 22\0a@b\0HOME=/Users/a\0"
	                              "LANG=C\0\0ptr_munge=\0main_stack=\0"),
	                        1000),
		0);
	assert_false(arguments.argv_cut);
	assert_int_equal(argv_split(&argv, &argc, arguments.argv), 0);
	assert_int_equal(argc, 3);
	assert_string_equal(argv[0], "ssh");
	assert_string_equal(argv[1], "-p 22");
	assert_string_equal(argv[2], "a@b");
	free(argv);
	assert_true(bytes_equal(arguments.environment,
	                        TEXTS("HOME=/Users/a\0LANG=C\0\0ptr_munge=\0main_stack=\0")));
}

static void an_environment_that_is_withheld_is_not_empty(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct darwin_arguments arguments = {0};

	(void)state;
	assert_int_equal(
		parse_arguments(&arguments, &buffer, 1, TEXTS("/usr/bin/ssh\0\0\0\0ssh\0"), 99), 0);
	assert_true(bytes_equal(arguments.argv, TEXTS("ssh\0")));
	assert_null(arguments.environment.data);
	assert_int_equal(
		parse_arguments(&arguments, &buffer, 1, TEXTS("/usr/bin/ssh\0ssh\0\0\0\0"), 99), 0);
	assert_null(arguments.environment.data);
}

static void a_number_of_arguments_that_is_not_there_is_refused(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct darwin_arguments arguments = {.argv_cut = true};
	struct bytes texts = TEXTS("/bin/a\0\0a\0b\0");

	(void)state;
	assert_int_equal(parse_arguments(&arguments, &buffer, 3, texts, 99), -EBADMSG);
	assert_int_equal(parse_arguments(&arguments, &buffer, UINT32_MAX, texts, 99), -EBADMSG);
	assert_int_equal(parse_arguments(&arguments, &buffer, 1, TEXTS("/bin/a"), 99), -EBADMSG);
	assert_int_equal(parse_arguments(&arguments, &buffer, 1, TEXTS("/bin/a\0a"), 99), -EBADMSG);
	assert_int_equal(parse_arguments(&arguments, &buffer, 1, TEXTS("/bin/a\0\0\0"), 99),
	                 -EBADMSG);
	assert_int_equal(parse_arguments(&arguments, &buffer, 0, TEXTS(""), 99), -EBADMSG);
	for (size_t len = 0; len < 4; len++)
		assert_int_equal(
			darwin_arguments_parse(&arguments, (struct bytes){texts.data, len}, 99),
			-EBADMSG);
	assert_true(arguments.argv_cut);
}

static void of_too_many_arguments_whole_ones_are_kept(void **state) {
	CLEANUP(buffer_deinit) struct buffer buffer = {0};
	struct darwin_arguments arguments = {0};
	struct bytes texts = TEXTS("/bin/a\0a\0long\0b\0HOME=/\0");

	(void)state;
	assert_int_equal(parse_arguments(&arguments, &buffer, 3, texts, 6), 0);
	assert_true(bytes_equal(arguments.argv, TEXTS("a\0")));
	assert_true(arguments.argv_cut);
	assert_true(bytes_equal(arguments.environment, TEXTS("HOME=/\0")));
	assert_int_equal(parse_arguments(&arguments, &buffer, 3, texts, 9), 0);
	assert_true(bytes_equal(arguments.argv, TEXTS("a\0long\0b\0")));
	assert_false(arguments.argv_cut);
	assert_int_equal(parse_arguments(&arguments, &buffer, 0, texts, 9), 0);
	assert_int_equal(arguments.argv.len, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bsd_information_is_read_by_its_layout),
		cmocka_unit_test(each_flag_of_bsd_information_counts_for_itself),
		cmocka_unit_test(a_title_that_fills_its_room_has_an_end),
		cmocka_unit_test(what_is_no_process_is_refused),
		cmocka_unit_test(a_process_of_another_user_is_read_by_its_layout),
		cmocka_unit_test(the_version_of_a_pid_lies_behind_three_numbers),
		cmocka_unit_test(a_token_names_a_process_and_its_image),
		cmocka_unit_test(the_working_directory_is_the_first_of_two),
		cmocka_unit_test(a_directory_without_an_absolute_path_is_unknown),
		cmocka_unit_test(a_socket_knows_the_other_end),
		cmocka_unit_test(arguments_and_environment_follow_the_path),
		cmocka_unit_test(an_environment_that_is_withheld_is_not_empty),
		cmocka_unit_test(a_number_of_arguments_that_is_not_there_is_refused),
		cmocka_unit_test(of_too_many_arguments_whole_ones_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
