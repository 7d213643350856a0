#include "judge.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void unknown(const char *what, const char *text) {
	fprintf(stderr, "no such %s is known here: %s\n", what, text != NULL ? text : "a list");
	abort();
}

static bool is(const struct sbpl_node *node, const char *name) {
	return node->kind == SBPL_NAME && strcmp(node->text, name) == 0;
}

static bool equal(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool begins(const char *text, const char *with) {
	return text != NULL && strncmp(text, with, strlen(with)) == 0;
}

static bool is_below(const char *path, const char *directory) {
	size_t len = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return begins(path, "/");
	return begins(path, directory) && (path[len] == '\0' || path[len] == '/');
}

static bool fits_regex(const char *path, const char *pattern) {
	regex_t regex;
	bool fits;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		unknown("regular expression", pattern);
	fits = path != NULL && regexec(&regex, path, 0, NULL, 0) == 0;
	regfree(&regex);
	return fits;
}

/* (remote ip "*:*"), (remote unix-socket (path-literal "/x")) */
static bool fits_end(const struct sbpl_node *filter, const char *which,
                     const struct sbpl_object *object, const char *socket) {
	const struct sbpl_node *place;

	if (is(&filter->items[1], "ip") && equal(filter->items[2].text, "*:*"))
		return equal(object->ip, which);
	if (!is(&filter->items[1], "unix-socket") || filter->count != 3)
		unknown("end of a connection", filter->items[1].text);
	place = &filter->items[2];
	if (is(&place->items[0], "path-literal"))
		return equal(socket, place->items[1].text);
	if (is(&place->items[0], "subpath"))
		return is_below(socket, place->items[1].text);
	unknown("place of a socket", place->items[0].text);
}

static bool fits(const struct sbpl_node *filter, const struct sbpl_object *object);

static bool fits_all(const struct sbpl_node *filters, const struct sbpl_object *object) {
	for (size_t i = 1; i < filters->count; i++)
		if (!fits(&filters->items[i], object))
			return false;
	return true;
}

static bool fits(const struct sbpl_node *filter, const struct sbpl_object *object) {
	const struct sbpl_node *what = &filter->items[0];
	const char *value = filter->count > 1 ? filter->items[1].text : NULL;

	if (is(what, "literal"))
		return equal(object->path, value);
	if (is(what, "subpath"))
		return is_below(object->path, value);
	if (is(what, "regex"))
		return fits_regex(object->path, value);
	if (is(what, "require-all"))
		return fits_all(filter, object);
	if (is(what, "extension"))
		return equal(value, "com.apple.sandbox.pty") && object->own_pty;
	if (is(what, "target"))
		return equal(object->target, value);
	if (is(what, "global-name") || is(what, "sysctl-name") || is(what, "ipc-posix-name"))
		return equal(object->name, value);
	if (is(what, "sysctl-name-prefix"))
		return begins(object->name, value);
	if (is(what, "socket-domain"))
		return equal(object->domain, value);
	if (is(what, "socket-protocol"))
		return equal(value, "2");
	if (is(what, "ioctl-command"))
		return equal(object->ioctl, value);
	if (is(what, "remote"))
		return fits_end(filter, "remote", object, object->remote_unix);
	if (is(what, "local"))
		return fits_end(filter, "local", object, object->local_unix);
	unknown("filter", what->text);
}

/* How special the rule's name for the operation is; -1: it is another one. */
static int covers(const char *rule, const char *operation) {
	size_t len = strlen(rule);

	if (strcmp(rule, "default") == 0)
		return 0;
	if (len > 0 && rule[len - 1] == '*')
		return strncmp(rule, operation, len - 1) == 0 ? (int)len : -1;
	return strcmp(rule, operation) == 0 ? 1000 : -1;
}

/* The operations stand first; then filters, one of which has to fit. */
static int rule_fits(const struct sbpl_node *rule, const char *operation,
                     const struct sbpl_object *object) {
	int special = -1;
	bool has_filter = false, fitted = false;

	for (size_t i = 1; i < rule->count; i++) {
		if (rule->items[i].kind == SBPL_NAME) {
			int covered = covers(rule->items[i].text, operation);

			special = covered > special ? covered : special;
		} else {
			has_filter = true;
			fitted = fitted || (special >= 0 && fits(&rule->items[i], object));
		}
	}
	return !has_filter || fitted ? special : -1;
}

bool sbpl_allows(const struct sbpl_node *profile, enum sbpl_reading reading, const char *operation,
                 const struct sbpl_object *object) {
	int most = -1;
	bool allowed = false;

	for (size_t i = 0; i < profile->count; i++) {
		const struct sbpl_node *rule = &profile->items[i];
		int special;

		if (is(&rule->items[0], "version"))
			continue;
		if (!is(&rule->items[0], "allow") && !is(&rule->items[0], "deny"))
			unknown("rule", rule->items[0].text);
		special = rule_fits(rule, operation, object);
		if (special < 0 || (reading == SBPL_SPECIAL_FIRST && special < most))
			continue;
		most = special;
		allowed = is(&rule->items[0], "allow");
	}
	return allowed;
}
