#include <errno.h>
#include <strings.h>

#include "caller/ssh_argv_programs.h"

enum keyword {
	KEYWORD_OTHER,
	KEYWORD_USER,
	KEYWORD_PORT,
	KEYWORD_HOST_NAME,
	KEYWORD_HOST_KEY_ALIAS,
	KEYWORD_CONTROL_PATH,
	KEYWORD_PROXY_JUMP,
	KEYWORD_PROXY_COMMAND,
	KEYWORD_TAKES_ALONG,
	KEYWORD_REFUSED, /* changes how all the others are read */
};

static const struct {
	const char *name;
	enum keyword keyword;
} keywords[] = {
	{"user", KEYWORD_USER},
	{"port", KEYWORD_PORT},
	{"hostname", KEYWORD_HOST_NAME},
	{"hostkeyalias", KEYWORD_HOST_KEY_ALIAS},
	{"controlpath", KEYWORD_CONTROL_PATH},
	{"proxyjump", KEYWORD_PROXY_JUMP},
	{"proxycommand", KEYWORD_PROXY_COMMAND},
	{"forwardagent", KEYWORD_TAKES_ALONG},
	{"remoteforward", KEYWORD_TAKES_ALONG},
	{"include", KEYWORD_REFUSED},
	{"match", KEYWORD_REFUSED},
	{"host", KEYWORD_REFUSED},
};

static bool is_blank(uint8_t byte) {
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n' || byte == '\f';
}

static void skip_blanks(struct bytes *text) {
	while (text->len > 0 && is_blank(text->data[0])) {
		text->data++;
		text->len--;
	}
}

static enum keyword keyword_of(struct bytes name) {
	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strlen(keywords[i].name) == name.len &&
		    strncasecmp(keywords[i].name, (const char *)name.data, name.len) == 0)
			return keywords[i].keyword;
	return KEYWORD_OTHER;
}

/* "Keyword value" or "Keyword=value", white space around. false: a quoted keyword, or none. */
static bool line_split(enum keyword *ret, struct bytes *ret_value, const char *line) {
	struct bytes rest = bytes_of_text(line);
	struct bytes name;

	skip_blanks(&rest);
	while (rest.len > 0 && is_blank(rest.data[rest.len - 1]))
		rest.len--;
	name = (struct bytes){rest.data, 0};
	while (name.len < rest.len && !is_blank(rest.data[name.len]) &&
	       rest.data[name.len] != '=' && rest.data[name.len] != '"')
		name.len++;
	rest.data += name.len;
	rest.len -= name.len;
	skip_blanks(&rest);
	if (rest.len > 0 && rest.data[0] == '=') {
		rest.data++;
		rest.len--;
		skip_blanks(&rest);
	} else if (rest.len > 0 && rest.data[0] == '"' && rest.data == name.data + name.len) {
		return false;
	}
	*ret = keyword_of(name);
	*ret_value = rest;
	return name.len > 0;
}

/* One word, without what ssh's quotes, comments or any % and ${} would make another of. */
static bool is_plain_word(struct bytes value, bool may_have_percent) {
	for (size_t i = 0; i < value.len; i++) {
		uint8_t byte = value.data[i];

		if (is_blank(byte) || byte == '"' || byte == '\'' || byte == '\\' || byte == '=' ||
		    byte == '#' || byte == '$' || (byte == '%' && !may_have_percent))
			return false;
	}
	return value.len > 0;
}

/* What is said first holds. */
static int text_set(char **text, struct bytes value) {
	return *text != NULL ? 0 : ssh_name_copy(text, value);
}

static bool is_none(struct bytes value) {
	return value.len == 4 && strncasecmp((const char *)value.data, "none", 4) == 0;
}

int ssh_jumps_read(struct ssh_argv *ssh, struct bytes list) {
	if (ssh->proxy_is_said)
		return 0;
	ssh->proxy_is_said = true;
	while (!is_none(list)) {
		struct bytes hop = list;
		int error;

		for (hop.len = 0; hop.len < list.len && list.data[hop.len] != ',';)
			hop.len++;
		if (ssh->n_jumps == SSH_JUMPS_MAX)
			return -EBADMSG;
		error = ssh_place_read_hop(&ssh->jumps[ssh->n_jumps], hop);
		if (error < 0)
			return error;
		ssh->n_jumps++;
		if (hop.len == list.len)
			break;
		list.data += hop.len + 1;
		list.len -= hop.len + 1;
	}
	return 0;
}

int ssh_config_read(struct ssh_argv *ssh, const char *line) {
	enum keyword keyword;
	struct bytes value;
	uint16_t port;

	if (!line_split(&keyword, &value, line))
		return -EBADMSG;
	switch (keyword) {
	case KEYWORD_OTHER: return 0;
	case KEYWORD_REFUSED: return -EBADMSG;
	case KEYWORD_TAKES_ALONG: ssh->takes_along = true; return 0;
	case KEYWORD_USER:
		if (!is_plain_word(value, false))
			return -EBADMSG;
		return text_set(&ssh->destination.user, value);
	case KEYWORD_PORT:
		if (ssh_port_read(&port, value) < 0)
			return -EBADMSG;
		if (ssh->destination.port == 0)
			ssh->destination.port = port;
		return 0;
	case KEYWORD_HOST_NAME:
		if (!is_plain_word(value, true))
			return -EBADMSG;
		return text_set(&ssh->host_name, value);
	case KEYWORD_HOST_KEY_ALIAS:
		if (!is_plain_word(value, false))
			return -EBADMSG;
		return text_set(&ssh->host_key_alias, value);
	case KEYWORD_CONTROL_PATH:
		if (!is_plain_word(value, true))
			return -EBADMSG;
		return text_set(&ssh->control_path, value);
	case KEYWORD_PROXY_JUMP:
		if (!is_plain_word(value, false))
			return -EBADMSG;
		return ssh_jumps_read(ssh, value);
	case KEYWORD_PROXY_COMMAND:
		if (value.len == 0)
			return -EBADMSG;
		if (!ssh->proxy_is_said)
			ssh->has_proxy_command = !is_none(value);
		ssh->proxy_is_said = true;
		return 0;
	}
	return -EBADMSG;
}
