#include "policy/limit.h"

#include <string.h>

#include "policy/rule.h"

const char *limit_parse(struct limit *ret, const char *text) {
	static const struct {
		const char *name;
		unsigned seconds;
	} periods[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}};
	unsigned count = 0;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || text[digits] != '/')
		return "write a number and a period, such as 10/minute";
	for (size_t i = 0; i < digits && count <= LIMIT_COUNT_MAX; i++)
		count = 10 * count + (unsigned)(text[i] - '0');
	if (count == 0)
		return "0 would deny everything; write action: deny";
	if (count > LIMIT_COUNT_MAX)
		return "more than 1000; write a shorter period";
	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++)
		if (strcmp(text + digits + 1, periods[i].name) == 0) {
			*ret = (struct limit){count, periods[i].seconds};
			return NULL;
		}
	return "unknown period; write second, minute, hour or day";
}

struct limit policy_limit_of(const struct policy *policy, const char *rule) {
	if (policy->has_limits)
		for (size_t i = 0; i < policy->n_rules; i++)
			if (policy->rules[i].name == rule)
				return policy->rules[i].limit;
	return (struct limit){0};
}
