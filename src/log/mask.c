#include "log/mask.h"

#include <string.h>
#include <strings.h>

#include "log/secret.h"

#define MARKED_LEN_MIN 16 /* no token is shorter, and many a host's name begins with "sk-" */
#define USER_LEN_MIN   20 /* of a token in the place of a user's name */

/* What there is to hide, from one place in the argument to another. */
struct span {
	size_t at, end;
};

static bool is_digit(uint8_t c) {
	return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_byte(uint8_t c) {
	return is_letter(c) || is_digit(c) || c == '_' || c == '-';
}

static bool is_token_byte(uint8_t c) {
	return is_name_byte(c) || c == '.' || c == '+' || c == '/' || c == '=' || c == '~';
}

static bool is_blank(uint8_t c) {
	return c == ' ' || c == '\t' || c == '\n';
}

static bool is_quote(uint8_t c) {
	return c == '"' || c == '\'';
}

static size_t run_end(struct bytes text, size_t at, bool (*is_within)(uint8_t c)) {
	while (at < text.len && is_within(text.data[at]))
		at++;
	return at;
}

static bool has_digit(struct bytes text, size_t at, size_t end) {
	while (at < end)
		if (is_digit(text.data[at++]))
			return true;
	return false;
}

/* By its end, for PasswordAuthentication=no and HostKeyAlias=a are none. */
static bool is_secret_name(const uint8_t *name, size_t len) {
	static const char *const ends[] = {
		"token",       "secret",     "password",   "passwd",  "passphrase", "credential",
		"credentials", "cookie",     "api_key",    "api-key", "apikey",     "access_key",
		"access-key",  "secret_key", "secret-key", "_pat",    "_pwd",       "authorization",
	};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end_len = strlen(ends[i]);

		if (len >= end_len &&
		    strncasecmp((const char *)name + len - end_len, ends[i], end_len) == 0)
			return true;
	}
	return false;
}

/* In quotes, up to these; else up to what ends a word of a shell. */
static size_t value_end(struct bytes text, size_t at) {
	if (at < text.len && is_quote(text.data[at])) {
		uint8_t quote = text.data[at++];

		while (at < text.len && text.data[at] != quote)
			at++;
		return at < text.len ? at + 1 : at;
	}
	while (at < text.len && !is_blank(text.data[at]) && !is_quote(text.data[at]) &&
	       strchr(";|&<>)", text.data[at]) == NULL)
		at++;
	return at;
}

/* Of a header, all that stands behind it. */
static size_t header_end(struct bytes text, size_t at) {
	while (at < text.len && !is_quote(text.data[at]) && text.data[at] != '\n')
		at++;
	return at;
}

/* NAME=VALUE, NAME: VALUE and --NAME VALUE, where the name ends at *end. */
static bool find_named(struct span *ret, struct bytes text, size_t at, size_t end) {
	bool is_option = at > 0 && text.data[at - 1] == '-';

	/* Cheapest first: this is asked of every word of every event. */
	if (end == text.len ||
	    (text.data[end] != '=' && text.data[end] != ':' && text.data[end] != ' ') ||
	    (text.data[end] == ' ' && !is_option) || !is_secret_name(text.data + at, end - at))
		return false;
	if (text.data[end] == '=') {
		*ret = (struct span){end + 1, value_end(text, end + 1)};
	} else if (text.data[end] == ':') {
		ret->at = end + 1 + (end + 1 < text.len && text.data[end + 1] == ' ');
		ret->end = header_end(text, ret->at);
	} else {
		*ret = (struct span){end + 1, value_end(text, end + 1)};
	}
	return ret->end > ret->at;
}

static bool find_marked(struct span *ret, struct bytes text, size_t at) {
	struct bytes rest = {text.data + at, text.len - at};
	size_t end;

	if (rest.len < MARKED_LEN_MIN || secret_mark_len(rest) == 0)
		return false;
	end = run_end(text, at, is_token_byte);
	if (end - at < MARKED_LEN_MIN || !has_digit(text, at, end))
		return false;
	*ret = (struct span){at, end};
	return true;
}

/* scheme://user:password@host, and a token in the place of the user; at is behind the slashes. */
static bool find_userinfo(struct span *ret, struct bytes text, size_t at) {
	size_t end = at, colon = 0, host = 0;

	for (; end < text.len && !is_blank(text.data[end]) && !is_quote(text.data[end]) &&
	       strchr("/?#", text.data[end]) == NULL;
	     end++) {
		if (text.data[end] == '@')
			host = end;
		if (text.data[end] == ':' && colon == 0)
			colon = end;
	}
	if (host == 0)
		return false;
	if (colon != 0 && colon < host)
		*ret = (struct span){colon + 1, host};
	else if (host - at >= USER_LEN_MIN && has_digit(text, at, host))
		*ret = (struct span){at, host};
	else
		return false;
	return ret->end > ret->at;
}

static bool begins(struct bytes text, size_t at, const char *with) {
	size_t len = strlen(with);

	return text.len - at >= len && memcmp(text.data + at, with, len) == 0;
}

/* What begins there, or in the name that begins there; *ret_next: where to go on, if nothing does.
 */
static bool find_at(struct span *ret, size_t *ret_next, struct bytes text, size_t at) {
	uint8_t c = text.data[at];
	size_t end;

	*ret_next = at + 1;
	if (c == ':' && begins(text, at, "://"))
		return find_userinfo(ret, text, at + strlen("://"));
	if (c == '-' && begins(text, at, "-----BEGIN ")) {
		*ret = (struct span){at, text.len};
		return true;
	}
	if (!is_letter(c) && c != '_')
		return false;
	end = run_end(text, at, is_name_byte);
	*ret_next = end;
	return find_marked(ret, text, at) || find_named(ret, text, at, end);
}

/* The first one from there on. */
static bool find(struct span *ret, struct bytes text, size_t at) {
	while (at < text.len)
		if (find_at(ret, &at, text, at))
			return true;
	return false;
}

/* --token, whose value is the next argument. */
static bool is_secret_option(struct bytes argument) {
	size_t at = 0;

	while (at < argument.len && argument.data[at] == '-')
		at++;
	return at > 0 && at < argument.len && run_end(argument, at, is_name_byte) == argument.len &&
	       is_secret_name(argument.data + at, argument.len - at);
}

struct bytes mask_argument(struct buffer *room, struct bytes argument, bool *is_secret) {
	bool is_value = *is_secret;
	struct span span;
	size_t done = 0;

	*is_secret = is_secret_option(argument);
	if (is_value && !*is_secret)
		return bytes_of_text(SECRET_MASK);
	if (!find(&span, argument, 0))
		return argument;
	buffer_clear(room);
	do {
		buffer_put_raw(room, (struct bytes){argument.data + done, span.at - done});
		buffer_put_raw(room, bytes_of_text(SECRET_MASK));
		done = span.end;
	} while (find(&span, argument, done));
	buffer_put_raw(room, (struct bytes){argument.data + done, argument.len - done});
	return buffer_error(room) == 0 ? buffer_bytes(room) : bytes_of_text(SECRET_MASK);
}
