#include "caller/environment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/argv.h"
#include "base/buffer.h"

struct env_names {
	char **texts;
	size_t count;
};

/* Where a person sits, and what coding agents leave in the environment of what they start. */
static const char *const always[] = {
	"AGENT",
	"AI_AGENT",
	"AIDER_*",
	"AUGMENT_AGENT",
	"CLAUDECODE",
	"CLAUDE_CODE_ENTRYPOINT",
	"CLINE_ACTIVE",
	"CODEX_*",
	"COPILOT_AGENT_*",
	"CURSOR_AGENT",
	"CURSOR_TRACE_ID",
	"DISPLAY",
	"GEMINI_CLI",
	"GOOSE_TERMINAL",
	"OPENCODE",
	"OPENCODE_CLIENT",
	"REPL_ID",
	"SSH_*",
	"TERM",
	"TERM_PROGRAM",
	"TMUX",
	"TMUX_PANE",
	"VSCODE_PID",
	"WAYLAND_DISPLAY",
	"XDG_SEAT",
	"XDG_SESSION_ID",
	"XDG_SESSION_TYPE",
	"ZED_TERM",
};
#define N_ALWAYS (sizeof(always) / sizeof(always[0]))

static bool is_name_byte(uint8_t c) {
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_name(struct bytes name) {
	for (size_t i = 0; i < name.len; i++)
		if (!is_name_byte(name.data[i]))
			return false;
	return name.len > 0 && name.len <= ENV_NAME_LEN_MAX;
}

static bool may_be_asked_for(const char *text) {
	struct bytes name = bytes_of_text(text);

	if (name.len > 0 && name.data[name.len - 1] == '*')
		name.len--;
	return is_name(name);
}

static void put_name(struct buffer *joined, const char *name) {
	buffer_put_raw(joined, bytes_of_text(name));
	buffer_put_u8(joined, '\0');
}

int env_names_new(struct env_names **ret, const char *const *more, size_t n_more) {
	CLEANUP(buffer_deinit) struct buffer joined = {0};
	struct env_names *names;
	int error;

	if (n_more > ENV_NAMES_MAX)
		return -E2BIG;
	for (size_t i = 0; i < N_ALWAYS; i++)
		put_name(&joined, always[i]);
	for (size_t i = 0; i < n_more; i++) {
		if (!may_be_asked_for(more[i]))
			return -EINVAL;
		put_name(&joined, more[i]);
	}
	error = buffer_error(&joined);
	if (error < 0)
		return error;
	names = calloc(1, sizeof(*names));
	if (names == NULL)
		return -ENOMEM;
	error = argv_split(&names->texts, &names->count, buffer_bytes(&joined));
	if (error < 0) {
		free(names);
		return error;
	}
	*ret = names;
	return 0;
}

void env_names_free(struct env_names *names) {
	if (names == NULL)
		return;
	free(names->texts);
	free(names);
}

bool env_names_equal(const struct env_names *a, const struct env_names *b) {
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->texts[i], b->texts[i]) != 0)
			return false;
	return true;
}

/* "NAME=VALUE", both views of the environment. */
struct variable {
	struct bytes name, value, whole;
};

/* The next variable; what has no '=' is none. false: there are no more. */
static bool next_variable(struct variable *ret, struct bytes *texts) {
	while (texts->len > 0) {
		const uint8_t *end = memchr(texts->data, '\0', texts->len);
		size_t len = end != NULL ? (size_t)(end - texts->data) : texts->len;
		const uint8_t *equals = len > 0 ? memchr(texts->data, '=', len) : NULL;
		struct bytes whole = {texts->data, len};

		len += end != NULL;
		*texts = (struct bytes){texts->data + len, texts->len - len};
		if (equals == NULL)
			continue;
		*ret = (struct variable){
			.name = {whole.data, (size_t)(equals - whole.data)},
			.value = {equals + 1, whole.len - (size_t)(equals - whole.data) - 1},
			.whole = whole,
		};
		return true;
	}
	return false;
}

/* asked may end in a '*'. */
static bool is_asked(struct bytes name, const char *asked) {
	size_t len = strlen(asked);

	if (asked[len - 1] != '*')
		return bytes_equal(name, (struct bytes){(const uint8_t *)asked, len});
	return name.len >= len - 1 && memcmp(name.data, asked, len - 1) == 0 && is_name(name);
}

static bool is_any_asked(struct bytes name, const struct env_names *names) {
	for (size_t i = 0; name.len > 0 && i < names->count; i++)
		if (names->texts[i][0] == (char)name.data[0] && is_asked(name, names->texts[i]))
			return true;
	return false;
}

struct kept {
	struct variable variables[ENV_COUNT_MAX];
	size_t count;
	size_t len; /* with a NUL behind each */
};

/* false: what is kept cannot be told, or is too much. */
static bool keep(struct kept *kept, const struct variable *variable) {
	for (size_t i = 0; i < kept->count; i++)
		if (bytes_equal(kept->variables[i].name, variable->name))
			return bytes_equal(kept->variables[i].value, variable->value);
	if (kept->count == ENV_COUNT_MAX || variable->whole.len >= ENV_LEN_MAX - kept->len)
		return false;
	kept->variables[kept->count++] = *variable;
	kept->len += variable->whole.len + 1;
	return true;
}

void environment_take(struct caller *caller, struct bytes texts, const struct env_names *names) {
	struct kept kept;
	struct variable variable;
	char joined[ENV_LEN_MAX];
	size_t len = 0;

	kept.count = kept.len = 0;
	while (next_variable(&variable, &texts))
		if (is_any_asked(variable.name, names) && !keep(&kept, &variable))
			return;
	for (size_t i = 0; i < kept.count; i++) {
		const struct bytes *whole = &kept.variables[i].whole;

		memcpy(joined + len, whole->data, whole->len);
		joined[len + whole->len] = '\0';
		len += whole->len + 1;
	}
	/* Left unknown where memory is short. */
	if (argv_split(&caller->env, &caller->n_env, (struct bytes){(uint8_t *)joined, len}) < 0)
		caller->env = NULL;
}

bool environment_preloads(struct bytes texts) {
	static const char *const preloading[] = {
		"DYLD_*",       "GCONV_PATH",      "GLIBC_TUNABLES",
		"LD_AUDIT",     "LD_LIBRARY_PATH", "LD_PRELOAD",
		"OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES",
	};
	struct variable variable;

	while (next_variable(&variable, &texts)) {
		if (variable.value.len == 0 || variable.name.len == 0)
			continue;
		for (size_t i = 0; i < sizeof(preloading) / sizeof(preloading[0]); i++)
			if (preloading[i][0] == (char)variable.name.data[0] &&
			    is_asked(variable.name, preloading[i]))
				return true;
	}
	return false;
}

struct bytes environment_get(struct bytes texts, const char *name) {
	struct variable variable;

	while (next_variable(&variable, &texts))
		if (bytes_equal_text(variable.name, name))
			return variable.value;
	return (struct bytes){0};
}

const char *caller_env(const struct caller *caller, const char *name) {
	size_t len = strlen(name);

	for (size_t i = 0; caller->env != NULL && i < caller->n_env; i++)
		if (strncmp(caller->env[i], name, len) == 0 && caller->env[i][len] == '=')
			return caller->env[i] + len + 1;
	return NULL;
}
