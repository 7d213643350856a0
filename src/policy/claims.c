#include "policy/claims.h"

#include <stdbool.h>
#include <string.h>

#include "policy/pattern.h"

static const char *base_name(const char *path) {
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void add_claim(struct claims *claims, const struct process *process, const char *name) {
	/* No rule is lost by what is too long to be compared: a claim is whatever they like. */
	if (name == NULL || *name == '\0' || strnlen(name, PATTERN_TEXT_MAX + 1) > PATTERN_TEXT_MAX)
		return;
	if (process->name != NULL && strcmp(name, process->name) == 0)
		return;
	for (size_t i = 0; i < claims->count; i++)
		if (strcmp(name, claims->names[i]) == 0)
			return;
	claims->names[claims->count++] = name;
}

/* With or without a version behind the name: python3.11, lua5.4. */
static bool is_interpreter(const char *name) {
	static const char *const interpreters[] = {
		"sh",   "bash", "dash",   "zsh", "ksh",  "fish", "python", "perl",
		"ruby", "node", "nodejs", "bun", "deno", "lua",  "php",    "tclsh",
	};

	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++) {
		size_t len = strlen(interpreters[i]);

		if (strncmp(name, interpreters[i], len) == 0 &&
		    name[len + strspn(name + len, "0123456789.")] == '\0')
			return true;
	}
	return false;
}

/* The first argument that is no option; NULL where the program stands in an option (-c, -e). */
const char *claims_script(const struct process *process) {
	if (process->name == NULL || !is_interpreter(process->name))
		return NULL;
	for (size_t i = 1; i < process->argc; i++) {
		const char *argument = process->argv[i];

		if (argument[0] != '-')
			return argument;
		if (strcmp(argument, "-c") == 0 || strcmp(argument, "-e") == 0)
			return NULL;
	}
	return NULL;
}

struct claims claims_of(const struct process *process) {
	struct claims claims = {0};
	const char *zeroth, *script;

	/* Where it is called by a link, a rule may mean the file. */
	if (process->exe != NULL)
		add_claim(&claims, process, base_name(process->exe));
	add_claim(&claims, process, process->title);
	if (process->argv == NULL || process->argc == 0)
		return claims;
	zeroth = process->argv[0];
	/* A login shell is "-bash". */
	add_claim(&claims, process, base_name(zeroth[0] == '-' ? zeroth + 1 : zeroth));
	script = claims_script(process);
	add_claim(&claims, process, script != NULL ? base_name(script) : NULL);
	return claims;
}
