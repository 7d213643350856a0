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

/* Text, or what may as well be a number. NULL, with a problem, where it is neither. */
static const char *read_value(struct reading *reading, const struct yaml_node *key) {
	if (key->next->kind != TREE_LIST && key->next->kind != TREE_MAP)
		return key->next->kind == TREE_TEXT ? key->next->text : NULL;
	REPORT(reading, key->next, "%.60s: not one value", key->text);
	return NULL;
}

static void read_slot(unsigned *ret, struct reading *reading, const struct yaml_node *key) {
	const char *text = read_value(reading, key);

	if (text == NULL)
		return;
	if ((text[0] != '1' && text[0] != '2') || text[1] != '\0')
		REPORT(reading, key->next, "slot: %.60s: not 1 or 2, which are those of a YubiKey",
		       text);
	else
		*ret = (unsigned)(text[0] - '0');
}

static void read_challenge(struct confirm_older *older, struct reading *reading,
                           const struct yaml_node *key) {
	const char *text = read_value(reading, key);

	if (text == NULL)
		return;
	if (strlen(text) == 0 || strlen(text) > CHALLENGE_TEXT_MAX)
		REPORT(reading, key->next, "challenge: not a text of 1 to %d characters",
		       CHALLENGE_TEXT_MAX);
	else
		strcpy(older->challenge, text);
}

/* Where what a map holds goes to; NULL: it has none of that. */
struct old_way {
	struct confirm_older *challenge_of;
	unsigned *slot;
	unsigned *timeout_s;
};

static void read_way(const struct old_way *way, struct reading *reading, const char *what,
                     const struct yaml_node *map) {
	static const char *const names[] = {"slot", "timeout", "challenge"};
	size_t n_names = way->challenge_of != NULL ? 3 : 2;

	if (!reading->context.old) {
		REPORT(reading, map,
		       "%s: only in files of version 0; write timeout: here, and method: in a rule",
		       what);
		return;
	}
	if (!read_map(reading, what, map, "write timeout:"))
		return;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next) {
		if (key->kind == TREE_BROKEN)
			continue;
		if (strcmp(key->text, "timeout") == 0)
			read_timeout(way->timeout_s, reading, key->next);
		else if (strcmp(key->text, "slot") == 0)
			read_slot(way->slot, reading, key);
		else if (way->challenge_of != NULL && strcmp(key->text, "challenge") == 0)
			read_challenge(way->challenge_of, reading, key);
		else
			report_unknown_field(reading, key, names, n_names);
	}
}

void confirm_read_old_touch(struct confirm_settings *settings, struct reading *reading,
                            const char *what, const struct yaml_node *value) {
	unsigned unused = 0; /* a question waits for each of its methods for as long */
	const struct old_way way = {&settings->older, &settings->older.touch_slot, &unused};

	read_way(&way, reading, what, value);
}

void confirm_read_old_pin(struct confirm_settings *settings, struct reading *reading,
                          const char *what, const struct yaml_node *value) {
	const struct old_way way = {NULL, &settings->older.pin_slot, &settings->timeout_s};

	read_way(&way, reading, what, value);
}
