/* Patterns for hosts: written as in known_hosts, and compared in lower case, without a final dot.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/field_read.h"
#include "policy/rule.h"

static void lower(char *text) {
	for (; *text != '\0'; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* "example.org." is example.org, written out; so is that in "[example.org.]:2222". */
static void drop_final_dot(char *host) {
	char *end = *host == '[' ? strrchr(host, ']') : NULL;
	size_t len = end != NULL ? (size_t)(end - host) : strlen(host);

	if (len > 1 && host[len - 1] == '.')
		memmove(&host[len - 1], &host[len], strlen(&host[len]) + 1);
}

/* A fingerprint, and a regular expression, stand as they are. */
static bool is_name(const struct yaml_node *value) {
	return value->kind == TREE_TEXT && *value->text != '\0' &&
	       !pattern_is_regex(value->text, false) && strncmp(value->text, "SHA256:", 7) != 0;
}

/* What stands behind the brackets, which known_hosts writes for no other port than 22. Of one with
 * wildcards only they can tell. */
static const char *bad_brackets(const char *host) {
	const char *end = strrchr(host, ']');

	if (end == NULL || (end[1] != ':' && end[1] != '*' && end[1] != '?'))
		return "brackets stand around a host only where its port stands behind them: "
		       "[host]:port";
	if (end[1] != ':' || strpbrk(end + 2, "*?") != NULL)
		return NULL;
	if (end[2] < '1' || end[2] > '9' || end[2 + strspn(end + 2, "0123456789")] != '\0' ||
	    strlen(end + 2) > 5 || strtoul(end + 2, NULL, 10) > UINT16_MAX)
		return "a port is a number from 1 to 65535, without a 0 before it";
	return strcmp(end + 2, "22") == 0 ? "at port 22 a host is written without brackets and port"
	                                  : NULL;
}

/* NULL: nothing is wrong. */
static const char *bad_name(const char *host) {
	const char *colon = strchr(host, ':');

	if (*host == '\0')
		return "no host is named; write user@host, or the host alone";
	if (strpbrk(host, " \t/") != NULL)
		return "no name of a host has a blank or a \"/\"";
	/* One colon is that of a port, more are those of IPv6. */
	if (*host != '[' && colon != NULL && strchr(colon + 1, ':') == NULL)
		return "a host with a port is written [host]:port";
	return *host == '[' ? bad_brackets(host) : NULL;
}

/* name: what stands for the host in the text. */
static int read_name_of_host(struct condition *condition, struct reading *reading,
                             const struct yaml_node *value, size_t name_at) {
	CLEANUP(free_pointer) char *text = strdup(value->text);
	struct yaml_node lowered = *value;
	const char *bad;

	if (text == NULL)
		return -ENOMEM;
	lower(text + name_at);
	drop_final_dot(text + name_at);
	lowered.text = text;
	bad = bad_name(text + name_at);
	if (bad != NULL)
		REPORT(reading, value, "%s: %.60s: never fits: %s", condition->field->name,
		       value->text, bad);
	return read_name(condition, reading, &lowered);
}

int read_ssh_dest(struct condition *condition, struct reading *reading,
                  const struct yaml_node *value) {
	const char *at;

	if (!is_name(value))
		return read_name(condition, reading, value);
	at = strrchr(value->text, '@');
	if (at == value->text)
		REPORT(reading, value,
		       "%s: %.60s: never fits: no user is named; write user@host, or the host "
		       "alone",
		       condition->field->name, value->text);
	return read_name_of_host(condition, reading, value,
	                         at != NULL ? (size_t)(at - value->text) + 1 : 0);
}

int read_host(struct condition *condition, struct reading *reading, const struct yaml_node *value) {
	if (!is_name(value))
		return read_name(condition, reading, value);
	if (strchr(value->text, '@') != NULL)
		REPORT(reading, value,
		       "%s: %.60s: never fits: a host on the way has no user; write the host alone",
		       condition->field->name, value->text);
	return read_name_of_host(condition, reading, value, 0);
}
