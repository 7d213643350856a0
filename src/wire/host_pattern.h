/*
 * The patterns of a known_hosts line, matched as OpenSSH's match.c does, but in a time that can be
 * bounded: OpenSSH's own matcher takes exponentially long for some patterns.
 *
 * Nothing here changes the case of letters. OpenSSH compares host names in lower case, so the name
 * and the list must be so already.
 */
#ifndef WIRE_HOST_PATTERN_H
#define WIRE_HOST_PATTERN_H

#include "base/bytes.h"
#include "facts/tri.h"

#define HOST_PATTERN_LEN_MAX \
	1022 /* match_pattern_list() fits nothing to a list with a longer one */

/* One pattern of a list: "host", "*.example.com", "!secret.example.com". */
struct host_pattern {
	struct bytes text; /* without the '!' */
	bool is_negated;
	bool has_wildcard;
};

/* Takes the next pattern off *list, which is separated by commas. false: no more. */
bool host_pattern_next(struct host_pattern *ret, struct bytes *list);

/* Takes steps for something else than matching that costs as much. false: there are not so many
 * left, and now there are none. */
bool host_steps_take(size_t *steps_left, size_t count);

/* Each step of matching takes one off *steps_left. TRI_UNKNOWN: there are none left. */
enum tri host_pattern_fits(struct bytes pattern, struct bytes name, size_t *steps_left);

/* TRI_YES: some pattern of the list fits, and no negated one does. Each takes a few steps more. */
enum tri host_patterns_fit(struct bytes list, struct bytes name, size_t *steps_left);

/* Whether the list can fit to any name at all. */
bool host_patterns_usable(struct bytes list);

#endif
