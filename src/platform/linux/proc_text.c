#include "platform/linux/proc_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define DELETED " (deleted)"

/* The field up to the next separator; the separator is dropped. */
static struct bytes take_field(struct bytes *rest, uint8_t separator) {
	struct bytes field = {rest->data, 0};

	while (field.len < rest->len && rest->data[field.len] != separator)
		field.len++;
	if (rest->len > 0)
		rest->data += field.len;
	rest->len -= field.len;
	if (rest->len > 0) {
		rest->data++;
		rest->len--;
	}
	return field;
}

static bool parse_u64(uint64_t *ret, struct bytes digits) {
	uint64_t number = 0;

	if (digits.len == 0)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		unsigned digit = (unsigned)digits.data[i] - '0';

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret = number;
	return true;
}

static bool parse_int(int *ret, struct bytes digits) {
	bool negative = digits.len > 0 && digits.data[0] == '-';
	uint64_t number;

	if (negative) {
		digits.data++;
		digits.len--;
	}
	if (!parse_u64(&number, digits) || number > INT_MAX)
		return false;
	*ret = negative ? -(int)number : (int)number;
	return true;
}

/* Between the first '(' and the last ')': what is between may hold both, what follows neither. */
static bool take_title(struct bytes *ret, struct bytes *text) {
	const uint8_t *open = memchr(text->data, '(', text->len);
	const uint8_t *close = memrchr(text->data, ')', text->len);
	size_t before;

	if (open == NULL || close == NULL || close < open)
		return false;
	*ret = (struct bytes){open + 1, (size_t)(close - open - 1)};
	before = (size_t)(close + 1 - text->data);
	*text = (struct bytes){close + 1, text->len - before};
	return true;
}

static bool is_address(unsigned at) {
	return (at >= 26 && at <= 28) || (at >= 45 && at <= 51);
}

/* The fields behind the start time. */
static int parse_addresses(uint64_t ret[static PROC_ADDRESSES], struct bytes text) {
	size_t n = 0;

	for (unsigned at = 23; text.len > 0 && n < PROC_ADDRESSES; at++) {
		struct bytes field = take_field(&text, ' ');

		if (is_address(at) && !parse_u64(&ret[n++], field))
			return -EBADMSG;
	}
	return 0;
}

/* proc(5) counts from 1: pid, comm, state, parent, group, session, terminal ... start time. */
int proc_stat_parse(struct proc_stat *ret, struct bytes text) {
	const unsigned parent_at = 4, tty_at = 7, start_at = 22;
	struct proc_stat stat = {0};
	struct bytes field;

	if (text.len == 0 || text.data[text.len - 1] != '\n')
		return -EBADMSG; /* cut short */
	text.len--;
	if (!take_title(&stat.title, &text))
		return -EBADMSG;
	if (take_field(&text, ' ').len != 0)
		return -EBADMSG;
	field = take_field(&text, ' ');
	if (field.len != 1)
		return -EBADMSG;
	stat.state = (char)field.data[0];
	for (unsigned at = parent_at; at <= start_at; at++) {
		bool fits = true;

		field = take_field(&text, ' ');
		if (at == parent_at)
			fits = parse_int(&stat.parent, field) && stat.parent >= 0;
		else if (at == tty_at)
			fits = parse_int(&stat.tty, field);
		else if (at == start_at)
			fits = parse_u64(&stat.start_ticks, field);
		if (!fits)
			return -EBADMSG;
	}
	if (parse_addresses(stat.addresses, text) < 0)
		return -EBADMSG;
	*ret = stat;
	return 0;
}

static bool parse_uids(uid_t ret[4], struct bytes value) {
	for (size_t i = 0; i < 4; i++) {
		uint64_t number;

		if (!parse_u64(&number, take_field(&value, '\t')) || number > UINT32_MAX)
			return false;
		ret[i] = (uid_t)number;
	}
	return value.len == 0;
}

static unsigned count_numbers(struct bytes value) {
	unsigned n = 0;
	int number;

	while (value.len > 0)
		if (parse_int(&number, take_field(&value, '\t')))
			n++;
	return n;
}

/* A name's newline stands escaped in here, so that no process can write a line of its own. */
int proc_status_parse(struct proc_status *ret, struct bytes text) {
	struct proc_status status = {0};
	bool has_uids = false, has_tracer = false;

	if (text.len == 0 || text.data[text.len - 1] != '\n')
		return -EBADMSG;
	while (text.len > 0) {
		struct bytes value = take_field(&text, '\n');
		struct bytes key = take_field(&value, ':');

		if (value.len > 0 && value.data[0] == '\t')
			take_field(&value, '\t');
		if (bytes_equal_text(key, "Uid"))
			has_uids = parse_uids(status.uids, value);
		else if (bytes_equal_text(key, "TracerPid"))
			has_tracer = parse_int(&status.tracer, value);
		else if (bytes_equal_text(key, "NSpid"))
			status.pid_namespaces = count_numbers(value);
		else if (bytes_equal_text(key, "PPid") && !parse_int(&status.parent, value))
			return -EBADMSG;
		else if (bytes_equal_text(key, "Seccomp"))
			status.filters_calls = bytes_equal_text(value, "2");
		else if (bytes_equal_text(key, "NoNewPrivs"))
			status.no_new_privileges = bytes_equal_text(value, "1");
	}
	if (!has_uids || !has_tracer)
		return -EBADMSG;
	*ret = status;
	return 0;
}

int proc_cgroup_parse(struct bytes *ret, struct bytes text) {
	while (text.len > 0) {
		struct bytes path = take_field(&text, '\n');
		struct bytes hierarchy = take_field(&path, ':');
		struct bytes controllers = take_field(&path, ':');

		if (bytes_equal_text(hierarchy, "0") && controllers.len == 0 && path.len > 0 &&
		    path.data[0] == '/') {
			*ret = path;
			return 0;
		}
	}
	return -ENOENT;
}

size_t proc_cmdline_keep(struct bytes cmdline, size_t size) {
	const uint8_t *end;

	if (cmdline.len < size)
		return cmdline.len;
	end = memrchr(cmdline.data, '\0', cmdline.len);
	return end != NULL ? (size_t)(end - cmdline.data) + 1 : cmdline.len;
}

bool proc_link_is_path(struct bytes link) {
	const size_t len = strlen(DELETED);

	if (link.len == 0 || link.data[0] != '/' || memchr(link.data, '\0', link.len) != NULL)
		return false;
	return link.len < len || memcmp(link.data + link.len - len, DELETED, len) != 0;
}

int proc_fdinfo_parse(bool *ret_cloexec, struct bytes text) {
	while (text.len > 0) {
		struct bytes value = take_field(&text, '\n');
		struct bytes key = take_field(&value, ':');
		unsigned long flags = 0;

		if (!bytes_equal_text(key, "flags"))
			continue;
		take_field(&value, '\t');
		if (value.len == 0 || value.len > 20)
			return -EBADMSG;
		for (size_t i = 0; i < value.len; i++) {
			if (value.data[i] < '0' || value.data[i] > '7')
				return -EBADMSG;
			flags = flags << 3 | (unsigned long)(value.data[i] - '0');
		}
		*ret_cloexec = (flags & O_CLOEXEC) != 0;
		return 0;
	}
	return -EBADMSG;
}

int proc_schedstat_parse(uint64_t *ret_ran_ns, uint64_t *ret_waited_ns, struct bytes text) {
	uint64_t ran_ns, waited_ns;

	if (!parse_u64(&ran_ns, take_field(&text, ' ')) ||
	    !parse_u64(&waited_ns, take_field(&text, ' ')) || text.len == 0)
		return -EBADMSG;
	*ret_ran_ns = ran_ns;
	*ret_waited_ns = waited_ns;
	return 0;
}

uint32_t proc_socket_inode(struct bytes link) {
	const size_t before = strlen("socket:[");
	uint64_t inode;

	if (link.len <= before || memcmp(link.data, "socket:[", before) != 0 ||
	    link.data[link.len - 1] != ']')
		return 0;
	link = (struct bytes){link.data + before, link.len - before - 1};
	return parse_u64(&inode, link) && inode <= UINT32_MAX ? (uint32_t)inode : 0;
}

struct bytes proc_base_name(struct bytes path) {
	const uint8_t *slash = path.len > 0 ? memrchr(path.data, '/', path.len) : NULL;
	size_t before = slash != NULL ? (size_t)(slash - path.data) + 1 : 0;

	if (before > 0)
		path.data += before;
	path.len -= before;
	return path;
}
