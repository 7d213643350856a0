#include "policy/confirm_old.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MAX_S 86400

/* The time that text begins with, in seconds, and what stands behind it. -1: none. */
static double take_time(const char **text) {
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"\xc2\xb5s", 1e-6}, {"ms", 1e-3},
	             {"s", 1.},    {"m", 60.},   {"h", 3600.}};
	size_t digits = strspn(*text, "0123456789.");
	double number = strtod(*text, NULL);

	if (digits == 0 || digits > 16)
		return -1.;
	*text += digits;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strncmp(*text, units[i].name, strlen(units[i].name)) == 0) {
			*text += strlen(units[i].name);
			return number * units[i].seconds;
		}
	return -1.;
}

/* As Go writes durations: "20s", "1m30s", "1.5h". */
static void read_timeout(unsigned *ret, struct reading *reading, const struct yaml_node *value) {
	const char *text = read_text(reading, "timeout", value);
	double seconds = 0.;

	if (text == NULL)
		return;
	for (const char *rest = text; *rest != '\0';) {
		double part = take_time(&rest);

		if (part < 0. || seconds > TIMEOUT_MAX_S) {
			seconds = -1.;
			break;
		}
		seconds += part;
	}
	if (seconds <= 0. || seconds > TIMEOUT_MAX_S)
		REPORT(reading, value, "timeout: %.60s: not a time up to 24h, such as 20s or 1m30s",
		       text);
	else
		*ret = seconds < 1. ? 1 : (unsigned)seconds;
}

/* A slot of a key, or what is sent to it: text, or what may as well be a number. */
static void check_value(struct reading *reading, const struct yaml_node *key) {
	if (key->next->kind == TREE_LIST || key->next->kind == TREE_MAP)
		REPORT(reading, key->next, "%.60s: not one value", key->text);
}

static void read_way(unsigned *ret, struct reading *reading, const char *what,
                     const struct yaml_node *map, const char *const *names, size_t n_names) {
	if (!reading->context.old) {
		REPORT(reading, map,
		       "%s: only in files of version 0; write timeout: here, and method: in a rule",
		       what);
		return;
	}
	if (!read_map(reading, what, map, "write timeout:"))
		return;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		size_t i = 0;

		if (key->kind == TREE_BROKEN)
			continue;
		while (i < n_names && strcmp(names[i], key->text) != 0)
			i++;
		if (i == n_names)
			report_unknown_field(reading, key, names, n_names);
		else if (strcmp(key->text, "timeout") == 0)
			read_timeout(ret, reading, key->next);
		else
			check_value(reading, key);
	}
}

void confirm_read_old_touch(unsigned *ret, struct reading *reading, const char *what,
                            const struct yaml_node *value) {
	static const char *const names[] = {"challenge", "slot", "timeout"};
	unsigned unused = 0;

	(void)ret;
	read_way(&unused, reading, what, value, names, 3);
}

void confirm_read_old_pin(unsigned *ret, struct reading *reading, const char *what,
                          const struct yaml_node *value) {
	static const char *const names[] = {"slot", "timeout"};

	read_way(ret, reading, what, value, names, 2);
}
