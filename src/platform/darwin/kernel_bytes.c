#include "platform/darwin/kernel_bytes.h"

#include <errno.h>
#include <string.h>

/* Of struct proc_bsdinfo (sys/proc_info.h). */
#define BSD_FLAGS      0
#define BSD_STATUS     4
#define BSD_PID        12
#define BSD_PPID       16
#define BSD_UID        20
#define BSD_COMM       48
#define BSD_NAME       64
#define BSD_START_SEC  120
#define BSD_START_USEC 128

#define BSD_FLAG_TRACED   0x02
#define BSD_FLAG_IN_EXIT  0x04
#define BSD_FLAG_TERMINAL 0x80 /* PROC_FLAG_CONTROLT */

/* Of struct kinfo_proc (sys/sysctl.h), with struct extern_proc (sys/proc.h) at its beginning. */
#define KINFO_START_SEC  0
#define KINFO_START_USEC 8
#define KINFO_FLAGS      32
#define KINFO_STATUS     36
#define KINFO_PID        40
#define KINFO_COMM       243
#define KINFO_UID        420
#define KINFO_PPID       560

#define KINFO_FLAG_TERMINAL 0x0002 /* P_CONTROLT */
#define KINFO_FLAG_TRACED   0x0800
#define KINFO_FLAG_IN_EXIT  0x2000

#define STATUS_ZOMBIE 5  /* SZOMB */
#define COMM_LEN      16 /* MAXCOMLEN */
#define NAME_LEN      32

#define IDENTIFIER_VERSION 32 /* p_idversion, behind a UUID and two numbers */

#define DIRECTORY_PATH 152 /* of struct vnode_info_path, behind its struct vnode_info */
#define PATH_SIZE      1024

/* Of struct socket_fdinfo: struct proc_fileinfo, then struct socket_info. */
#define SOCKET_STATUS 4
#define SOCKET_OWN    160
#define SOCKET_KIND   256
#define SOCKET_OTHER  264

#define SOCKET_FLAG_CLOSE_ON_EXEC 0x2
#define SOCKET_KIND_LOCAL         3 /* SOCKINFO_UN */

/* Of audit_token_t, in numbers of 32 bits. */
#define TOKEN_EUID    1
#define TOKEN_EGID    2
#define TOKEN_PID     5
#define TOKEN_VERSION 7

/* Both kinds of Mac write the lowest byte first. */
static uint32_t u32_at(struct bytes bytes, size_t at) {
	const uint8_t *data = bytes.data + at;

	return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
	       (uint32_t)data[3] << 24;
}

static uint64_t u64_at(struct bytes bytes, size_t at) {
	return u32_at(bytes, at) | (uint64_t)u32_at(bytes, at + 4) << 32;
}

static bool pid_at(pid_t *ret, struct bytes bytes, size_t at) {
	uint32_t number = u32_at(bytes, at);

	*ret = number <= INT32_MAX ? (pid_t)number : 0;
	return number <= INT32_MAX;
}

static void copy_title(char ret[static DARWIN_TITLE_SIZE], struct bytes info, size_t at,
                       size_t len) {
	memcpy(ret, info.data + at, len);
	ret[len] = '\0';
}

/* Seconds and microseconds as one number; 0 where that makes none. */
static uint64_t start_of(uint64_t seconds, uint64_t microseconds) {
	const uint64_t million = 1000000;

	return seconds < UINT64_MAX / million && microseconds < million
	               ? seconds * million + microseconds
	               : 0;
}

int darwin_bsdinfo_parse(struct darwin_process *ret, struct bytes info) {
	struct darwin_process process = {0};
	uint32_t flags;

	if (info.len != DARWIN_BSDINFO_SIZE || !pid_at(&process.pid, info, BSD_PID) ||
	    !pid_at(&process.parent, info, BSD_PPID))
		return -EBADMSG;
	flags = u32_at(info, BSD_FLAGS);
	process.uid = u32_at(info, BSD_UID);
	process.ends = (flags & BSD_FLAG_IN_EXIT) != 0 || u32_at(info, BSD_STATUS) == STATUS_ZOMBIE;
	process.traced = (flags & BSD_FLAG_TRACED) != 0;
	process.has_terminal = (flags & BSD_FLAG_TERMINAL) != 0;
	process.start_us = start_of(u64_at(info, BSD_START_SEC), u64_at(info, BSD_START_USEC));
	if (process.pid == 0 || process.start_us == 0)
		return -EBADMSG;
	/* The longer one is there only where it is longer. */
	copy_title(process.title, info, BSD_NAME, NAME_LEN);
	if (process.title[0] == '\0')
		copy_title(process.title, info, BSD_COMM, COMM_LEN);
	*ret = process;
	return 0;
}

int darwin_kinfo_parse(struct darwin_process *ret, struct bytes info) {
	struct darwin_process process = {0};
	uint32_t flags;

	if (info.len != DARWIN_KINFO_SIZE || !pid_at(&process.pid, info, KINFO_PID) ||
	    !pid_at(&process.parent, info, KINFO_PPID))
		return -EBADMSG;
	flags = u32_at(info, KINFO_FLAGS);
	process.uid = u32_at(info, KINFO_UID);
	process.ends = (flags & KINFO_FLAG_IN_EXIT) != 0 ||
	               info.data[KINFO_STATUS] == STATUS_ZOMBIE;
	process.traced = (flags & KINFO_FLAG_TRACED) != 0;
	process.has_terminal = (flags & KINFO_FLAG_TERMINAL) != 0;
	process.start_us = start_of(u64_at(info, KINFO_START_SEC), u32_at(info, KINFO_START_USEC));
	if (process.pid == 0 || process.start_us == 0)
		return -EBADMSG;
	copy_title(process.title, info, KINFO_COMM, COMM_LEN);
	*ret = process;
	return 0;
}

int darwin_version_parse(uint32_t *ret, struct bytes info) {
	if (info.len != DARWIN_IDENTIFIER_SIZE)
		return -EBADMSG;
	*ret = u32_at(info, IDENTIFIER_VERSION);
	return 0;
}

int darwin_token_parse(struct darwin_token *ret, struct bytes token) {
	struct darwin_token parsed = {0};

	if (token.len != DARWIN_TOKEN_SIZE || !pid_at(&parsed.pid, token, TOKEN_PID * 4) ||
	    parsed.pid == 0)
		return -EBADMSG;
	parsed.uid = u32_at(token, TOKEN_EUID * 4);
	parsed.gid = u32_at(token, TOKEN_EGID * 4);
	parsed.version = u32_at(token, TOKEN_VERSION * 4);
	*ret = parsed;
	return 0;
}

int darwin_directory_parse(struct bytes *ret, struct bytes info) {
	const uint8_t *path, *end;

	if (info.len != DARWIN_DIRECTORIES_SIZE)
		return -EBADMSG;
	path = info.data + DIRECTORY_PATH;
	end = memchr(path, '\0', PATH_SIZE);
	if (end == NULL)
		return -EBADMSG;
	if (*path != '/')
		return -ENOENT;
	*ret = (struct bytes){path, (size_t)(end - path)};
	return 0;
}

int darwin_socket_parse(struct darwin_socket *ret, struct bytes info) {
	if (info.len != DARWIN_SOCKET_SIZE)
		return -EBADMSG;
	if (u32_at(info, SOCKET_KIND) != SOCKET_KIND_LOCAL)
		return -ENOTSOCK;
	*ret = (struct darwin_socket){
		.own = u64_at(info, SOCKET_OWN),
		.other = u64_at(info, SOCKET_OTHER),
		.close_on_exec = (u32_at(info, SOCKET_STATUS) & SOCKET_FLAG_CLOSE_ON_EXEC) != 0,
	};
	return 0;
}

/* The first text with its NUL; len 0: it has none, so it is not whole. */
static struct bytes take_text(struct bytes *rest) {
	const uint8_t *nul = rest->len > 0 ? memchr(rest->data, '\0', rest->len) : NULL;
	struct bytes text = {rest->data, nul != NULL ? (size_t)(nul - rest->data) + 1 : 0};

	*rest = (struct bytes){text.len > 0 ? rest->data + text.len : rest->data,
	                       rest->len - text.len};
	return text;
}

static bool is_nothing(struct bytes bytes) {
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.data[i] != '\0')
			return false;
	return true;
}

/* An empty first argument looks like more of the NULs before it, and the texts shift. */
int darwin_arguments_parse(struct darwin_arguments *ret, struct bytes arguments,
                           size_t argv_len_max) {
	struct darwin_arguments parsed = {0};
	struct bytes rest = arguments;
	uint32_t count;

	if (arguments.len < sizeof(count))
		return -EBADMSG;
	count = u32_at(arguments, 0);
	rest = (struct bytes){rest.data + sizeof(count), rest.len - sizeof(count)};
	if (take_text(&rest).len == 0 || count > INT32_MAX)
		return -EBADMSG;
	while (rest.len > 0 && *rest.data == '\0')
		take_text(&rest);
	parsed.argv.data = rest.data;
	for (uint32_t i = 0; i < count; i++) {
		struct bytes text = take_text(&rest);

		if (text.len == 0)
			return -EBADMSG;
		if (parsed.argv_cut || text.len > argv_len_max - parsed.argv.len)
			parsed.argv_cut = true;
		else
			parsed.argv.len += text.len;
	}
	if (!is_nothing(rest))
		parsed.environment = rest;
	*ret = parsed;
	return 0;
}
