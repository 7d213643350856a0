#include "caller/ssh_place.h"

#include <errno.h>

/* Behind first; nothing where there is no such byte. */
struct halves {
	bool found;
	struct bytes before, behind;
};

static struct halves split_at(struct bytes text, size_t at) {
	return (struct halves){true, {text.data, at}, {text.data + at + 1, text.len - at - 1}};
}

static struct halves split_first(struct bytes text, char byte) {
	const uint8_t *at = text.len > 0 ? memchr(text.data, byte, text.len) : NULL;

	return at != NULL ? split_at(text, (size_t)(at - text.data)) : (struct halves){0};
}

static struct halves split_last(struct bytes text, char byte) {
	const uint8_t *at = bytes_last(text, (uint8_t)byte);

	return at != NULL ? split_at(text, (size_t)(at - text.data)) : (struct halves){0};
}

void ssh_place_deinit(struct ssh_place *place) {
	free(place->user);
	free(place->host);
	*place = (struct ssh_place){0};
}

int ssh_name_copy(char **ret, struct bytes text) {
	char *copy;

	if (text.len == 0 || text.len > SSH_NAME_LEN_MAX)
		return -EBADMSG;
	copy = malloc(text.len + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	*ret = copy;
	return 0;
}

int ssh_port_read(uint16_t *ret, struct bytes text) {
	uint32_t port = 0;

	if (text.len == 0)
		return -EBADMSG;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return -EBADMSG;
		port = 10 * port + (uint32_t)(text.data[i] - '0');
		if (port > UINT16_MAX)
			return -EBADMSG;
	}
	if (port == 0)
		return -EBADMSG;
	*ret = (uint16_t)port;
	return 0;
}

/* As cleanhostname(). */
static struct bytes without_brackets(struct bytes host) {
	if (host.len >= 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		return (struct bytes){host.data + 1, host.len - 2};
	return host;
}

/* user may be empty: it is not said then. */
static int place_make(struct ssh_place *ret, struct bytes user, struct bytes host, uint16_t port) {
	CLEANUP(ssh_place_deinit) struct ssh_place place = {.port = port};
	int error = ssh_name_copy(&place.host, host);

	if (error == 0 && user.len > 0)
		error = ssh_name_copy(&place.user, user);
	if (error < 0)
		return error;
	*ret = place;
	place = (struct ssh_place){0};
	return 0;
}

/* Takes the host off *text, which is left at the ':' or '/' that ends it, or empty: hpdelim2(). */
static bool take_host(struct bytes *ret, struct bytes *text) {
	struct bytes host = {text->data, 0};

	if (text->len > 0 && text->data[0] == '[') {
		struct halves halves = split_first(*text, ']');

		if (!halves.found)
			return false;
		host.len = halves.before.len + 1;
	} else {
		while (host.len < text->len && text->data[host.len] != ':' &&
		       text->data[host.len] != '/')
			host.len++;
	}
	text->data += host.len;
	text->len -= host.len;
	*ret = without_brackets(host);
	return ret->len > 0 && (text->len == 0 || text->data[0] == ':' || text->data[0] == '/');
}

static int hex_value(uint8_t byte) {
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* In place, as urldecode(), which takes '+' for a space. A NUL would end the name for OpenSSH. */
static bool url_decode(char *text) {
	char *to = text;

	for (; *text != '\0'; text++) {
		if (*text == '+') {
			*to++ = ' ';
		} else if (*text == '%') {
			int high = hex_value((uint8_t)text[1]);
			int low = high >= 0 ? hex_value((uint8_t)text[2]) : -1;

			if (low < 0 || (high == 0 && low == 0))
				return false;
			*to++ = (char)(high * 16 + low);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return true;
}

/* OpenSSH wants a domain name here. It refuses the address of IPv6, which we let pass, because
 * brackets leave no doubt what is meant. */
static bool is_uri_host(struct bytes host) {
	for (size_t i = 0; i < host.len; i++) {
		uint8_t byte = host.data[i], letter = byte | 0x20;
		bool is_word = (letter >= 'a' && letter <= 'z') || (byte >= '0' && byte <= '9') ||
		               byte == '_' || byte == ':';

		if (!is_word && (i == 0 || (byte != '-' && byte != '.' && byte != '%')))
			return false;
	}
	return host.len > 0;
}

/* What follows the host of a URI: [:port][/path]. */
static int uri_end_read(uint16_t *ret_port, struct bytes rest, bool may_have_path) {
	struct bytes port = rest;
	size_t slash = 0;

	while (slash < rest.len && rest.data[slash] != '/')
		slash++;
	port.len = slash;
	if (rest.len > slash + 1 && !may_have_path)
		return -EBADMSG;
	if (port.len <= 1) /* OpenSSH takes "host:", too */
		return port.len == 1 && slash < rest.len ? -EBADMSG : 0;
	return ssh_port_read(ret_port, (struct bytes){port.data + 1, port.len - 1});
}

int ssh_place_read_uri(struct ssh_place *ret, const char *scheme, bool may_have_path,
                       struct bytes text) {
	CLEANUP(ssh_place_deinit) struct ssh_place place = {0};
	size_t scheme_len = strlen(scheme);
	struct bytes user = {0}, host;
	struct halves halves;
	uint16_t port = 0;
	int error;

	if (text.len < scheme_len + 3 || memcmp(text.data, scheme, scheme_len) != 0 ||
	    memcmp(text.data + scheme_len, "://", 3) != 0)
		return -ENOTSUP;
	text.data += scheme_len + 3;
	text.len -= scheme_len + 3;
	halves = split_first(text, '@');
	if (halves.found) {
		text = halves.behind;
		user = halves.before;
		halves = split_first(user, ';');
		if (halves.found) /* parameters of the connection, which OpenSSH ignores */
			user = halves.before;
		if (user.len == 0)
			return -EBADMSG;
	}
	if (!take_host(&host, &text) || !is_uri_host(host) ||
	    uri_end_read(&port, text, may_have_path) < 0)
		return -EBADMSG;
	error = place_make(&place, user, host, port);
	if (error < 0)
		return error;
	if (place.user != NULL && (!url_decode(place.user) || place.user[0] == '\0'))
		return -EBADMSG;
	*ret = place;
	place = (struct ssh_place){0};
	return 0;
}

int ssh_place_read_destination(struct ssh_place *ret, struct bytes text) {
	int error = ssh_place_read_uri(ret, "ssh", false, text);
	struct halves halves;

	if (error != -ENOTSUP)
		return error;
	halves = split_last(text, '@');
	if (!halves.found)
		return place_make(ret, (struct bytes){0}, text, 0);
	if (halves.before.len == 0)
		return -EBADMSG;
	return place_make(ret, halves.before, halves.behind, 0);
}

int ssh_place_read_hop(struct ssh_place *ret, struct bytes text) {
	int error = ssh_place_read_uri(ret, "ssh", false, text);
	struct halves halves = split_last(text, '@');
	struct bytes host;
	uint16_t port = 0;

	if (error != -ENOTSUP)
		return error;
	if (halves.found) {
		if (halves.before.len == 0)
			return -EBADMSG;
		text = halves.behind;
	}
	if (!take_host(&host, &text) || (text.len > 0 && text.data[0] == '/'))
		return -EBADMSG;
	if (text.len > 1 && ssh_port_read(&port, (struct bytes){text.data + 1, text.len - 1}) < 0)
		return -EBADMSG;
	return place_make(ret, halves.before, host, port);
}

/* Where the host of host:path ends, as colon(); text.len: nowhere. */
static size_t find_colon(struct bytes text) {
	bool in_brackets = text.len > 0 && text.data[0] == '[';

	for (size_t i = 0; i < text.len; i++) {
		uint8_t next = i + 1 < text.len ? text.data[i + 1] : '\0';

		if (text.data[i] == '@' && next == '[')
			in_brackets = true;
		if (text.data[i] == ']' && next == ':' && in_brackets)
			return i + 1;
		if (text.data[i] == ':' && !in_brackets)
			return i > 0 ? i : text.len;
		if (text.data[i] == '/')
			break;
	}
	return text.len;
}

int ssh_place_read_remote_path(struct ssh_place *ret, struct bytes text) {
	size_t colon = find_colon(text);
	struct halves halves;

	if (colon == text.len)
		return -ENOTSUP;
	text.len = colon;
	halves = split_last(text, '@');
	if (!halves.found)
		return place_make(ret, (struct bytes){0}, without_brackets(text), 0);
	return place_make(ret, halves.before, without_brackets(halves.behind), 0);
}
