#include "wire/host_pattern.h"

/* What a pattern costs whose first letter does not fit: to find its end, in steps of matching. */
#define STEPS_OF_PATTERN 4

bool host_steps_take(size_t *steps_left, size_t count) {
	if (*steps_left < count) {
		*steps_left = 0;
		return false;
	}
	*steps_left -= count;
	return true;
}

bool host_pattern_next(struct host_pattern *ret, struct bytes *list) {
	struct host_pattern pattern = {0};
	const uint8_t *comma;

	if (list->len == 0)
		return false;
	if (list->data[0] == '!') {
		pattern.is_negated = true;
		list->data++;
		list->len--;
	}
	pattern.text = *list;
	comma = list->len > 0 ? memchr(list->data, ',', list->len) : NULL;
	if (comma != NULL)
		pattern.text.len = (size_t)(comma - list->data);
	for (size_t i = 0; i < pattern.text.len; i++)
		if (pattern.text.data[i] == '*' || pattern.text.data[i] == '?')
			pattern.has_wildcard = true;
	list->data += pattern.text.len + (comma != NULL ? 1 : 0);
	list->len -= pattern.text.len + (comma != NULL ? 1 : 0);
	*ret = pattern;
	return true;
}

/* Only the last '*' is ever tried again: what the earlier ones took needs no second look. */
enum tri host_pattern_fits(struct bytes pattern, struct bytes name, size_t *steps_left) {
	size_t at_pattern = 0, at_name = 0;
	size_t behind_star = 0, star_took = 0; /* behind_star is 0 while there was no '*' */

	while (at_name < name.len || at_pattern < pattern.len) {
		uint8_t wanted = at_pattern < pattern.len ? pattern.data[at_pattern] : '\0';

		if (*steps_left == 0)
			return TRI_UNKNOWN;
		--*steps_left;
		if (wanted == '*') {
			behind_star = ++at_pattern;
			star_took = at_name;
		} else if (at_pattern < pattern.len && at_name < name.len &&
		           (wanted == '?' || wanted == name.data[at_name])) {
			at_pattern++;
			at_name++;
		} else if (behind_star > 0 && star_took < name.len) {
			at_pattern = behind_star;
			at_name = ++star_took;
		} else {
			return TRI_NO;
		}
	}
	return TRI_YES;
}

enum tri host_patterns_fit(struct bytes list, struct bytes name, size_t *steps_left) {
	struct host_pattern pattern;
	enum tri fits = TRI_NO;

	while (host_pattern_next(&pattern, &list)) {
		if (pattern.text.len > HOST_PATTERN_LEN_MAX)
			return TRI_NO;
		if (!host_steps_take(steps_left, STEPS_OF_PATTERN))
			return TRI_UNKNOWN;
		switch (host_pattern_fits(pattern.text, name, steps_left)) {
		case TRI_UNKNOWN: return TRI_UNKNOWN;
		case TRI_NO: break;
		case TRI_YES:
			if (pattern.is_negated)
				return TRI_NO;
			fits = TRI_YES;
			break;
		}
	}
	return fits;
}

bool host_patterns_usable(struct bytes list) {
	struct host_pattern pattern;
	bool is_usable = false;

	while (host_pattern_next(&pattern, &list)) {
		if (pattern.text.len > HOST_PATTERN_LEN_MAX)
			return false;
		if (!pattern.is_negated && pattern.text.len > 0)
			is_usable = true;
	}
	return is_usable;
}
