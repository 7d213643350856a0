#include "confirm/pin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define PIN_FILE_LEN_MAX 1024

bool pin_is_fit(const char *text) {
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return len >= PIN_LEN_MIN && len <= PIN_LEN_MAX;
}

/* The value of the next line, which must begin with that name. */
static bool take_line(const char **at, const char *name, char *ret, size_t size) {
	size_t name_len = strlen(name);
	const char *end = strchr(*at, '\n');
	size_t len;

	if (end == NULL || strncmp(*at, name, name_len) != 0 || (*at)[name_len] != ' ')
		return false;
	len = (size_t)(end - *at) - name_len - 1;
	if (len == 0 || len >= size)
		return false;
	memcpy(ret, *at + name_len + 1, len);
	ret[len] = '\0';
	*at = end + 1;
	return true;
}

static bool take_number(const char **at, const char *name, int64_t max, int64_t *ret) {
	char text[24];

	if (!take_line(at, name, text, sizeof(text)) || text[strspn(text, "0123456789")] != '\0' ||
	    strlen(text) > 18)
		return false;
	*ret = strtoll(text, NULL, 10);
	return *ret <= max;
}

int pin_parse(struct pin *ret, struct bytes text) {
	char copy[PIN_FILE_LEN_MAX + 1];
	const char *at = copy;
	struct pin pin = {0};
	int64_t version, failures;

	if (text.len > PIN_FILE_LEN_MAX || (text.len > 0 && memchr(text.data, 0, text.len) != NULL))
		return -EBADMSG;
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	if (!take_number(&at, "version", 1, &version) || version != 1 ||
	    !take_line(&at, "hash", pin.hash, sizeof(pin.hash)) ||
	    !take_number(&at, "failures", 1000000, &failures) ||
	    !take_number(&at, "locked_until_us", INT64_MAX, &pin.locked_until_us) || *at != '\0')
		return -EBADMSG;
	/* yescrypt, and nothing cheaper that somebody put in its place. */
	if (strncmp(pin.hash, "$y$", 3) != 0)
		return -EBADMSG;
	pin.failures = (unsigned)failures;
	*ret = pin;
	return 0;
}

void pin_put(struct buffer *text, const struct pin *pin) {
	char lines[PIN_FILE_LEN_MAX];

	snprintf(lines, sizeof(lines), "version 1\nhash %s\nfailures %u\nlocked_until_us %lld\n",
	         pin->hash, pin->failures, (long long)pin->locked_until_us);
	buffer_put_raw(text, bytes_of_text(lines));
}

int pin_load(struct pin *ret, int state_fd) {
	CLEANUP(buffer_deinit) struct buffer text = {0};
	int error = file_read(&text, state_fd, PIN_FILE, PIN_FILE_LEN_MAX, NULL);

	return error < 0 ? error : pin_parse(ret, buffer_bytes(&text));
}

int pin_save(const struct pin *pin, int state_fd) {
	CLEANUP(buffer_deinit) struct buffer text = {0};

	pin_put(&text, pin);
	if (buffer_error(&text) < 0)
		return buffer_error(&text);
	return file_replace(state_fd, PIN_FILE, buffer_bytes(&text));
}

bool pin_is_locked(const struct pin *pin, int64_t now_us) {
	/* A clock that was set back must not lock it for good. */
	return pin->locked_until_us > now_us && pin->locked_until_us - now_us <= PIN_LOCK_MAX_US;
}

void pin_count(struct pin *pin, int64_t now_us) {
	int64_t lock_us = PIN_LOCK_US;

	if (++pin->failures < PIN_TRIES)
		return;
	for (unsigned i = PIN_TRIES; i < pin->failures && lock_us < PIN_LOCK_MAX_US; i++)
		lock_us *= 2;
	pin->locked_until_us = now_us + (lock_us < PIN_LOCK_MAX_US ? lock_us : PIN_LOCK_MAX_US);
}

void pin_was_right(struct pin *pin) {
	pin->failures = 0;
	pin->locked_until_us = 0;
}
