/* Every text of /proc that we take apart. The first byte says which one it is. */
#include <stdlib.h>
#include <string.h>

#include "base/argv.h"
#include "caller/environment.h"
#include "caller/unit.h"
#include "platform/linux/logind.h"
#include "platform/linux/proc_text.h"

static volatile uint8_t sink;

/* Reads every byte of a view, so that a bad one is seen. */
static void consume(struct bytes view) {
	for (size_t i = 0; i < view.len; i++)
		sink ^= view.data[i];
}

static void check_argv(struct bytes text) {
	char **argv;
	size_t argc, kept = proc_cmdline_keep(text, text.len);

	if (kept > text.len || argv_split(&argv, &argc, (struct bytes){text.data, kept}) < 0)
		abort();
	for (size_t i = 0; i < argc; i++)
		consume(bytes_of_text(argv[i]));
	if (argv[argc] != NULL)
		abort();
	free(argv);
}

static void check_environ(struct bytes texts) {
	static const char *const more[] = {"A", "B_*"};
	struct caller caller = {0};
	struct env_names *names;

	if (env_names_new(&names, more, 2) < 0)
		abort();
	environment_take(&caller, texts, names);
	for (size_t i = 0; i < caller.n_env; i++) {
		const char *equals = strchr(caller.env[i], '=');

		if (equals == NULL || equals == caller.env[i])
			abort();
		consume(bytes_of_text(caller.env[i]));
	}
	sink ^= environment_preloads(texts);
	consume(environment_get(texts, "PATH"));
	free(caller.env);
	env_names_free(names);
}

/* A cgroup's path, and files of the login manager. */
static void check_login(struct bytes text) {
	CLEANUP(free_pointer) char *path = strndup((const char *)text.data, text.len);
	struct bytes rest = logind_sessions_of(text), id;

	if (path == NULL)
		return;
	consume(unit_of_cgroup(path));
	consume(logind_place_of(path, 1000).session);
	sink ^= (uint8_t)logind_presence_in(text, 1000);
	while (logind_next_session(&id, &rest))
		consume(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct bytes text, view;
	struct proc_stat stat;
	struct proc_status status;
	uint64_t ran_ns, waited_ns;
	bool cloexec;

	if (size == 0)
		return 0;
	text = (struct bytes){data + 1, size - 1};
	switch (data[0]) {
	case 's':
		if (proc_stat_parse(&stat, text) == 0)
			consume(stat.title);
		break;
	case 'u':
		if (proc_status_parse(&status, text) == 0 && status.tracer < 0)
			sink ^= 1;
		break;
	case 'g':
		if (proc_cgroup_parse(&view, text) == 0)
			consume(view);
		break;
	case 'f':
		if (proc_fdinfo_parse(&cloexec, text) == 0)
			sink ^= cloexec;
		break;
	case 't':
		if (proc_schedstat_parse(&ran_ns, &waited_ns, text) == 0)
			sink ^= (uint8_t)(ran_ns ^ waited_ns);
		break;
	case 'c': check_argv(text); break;
	case 'e': check_environ(text); break;
	case 'p': check_login(text); break;
	case 'l':
		if (proc_link_is_path(text) && text.data[0] != '/')
			abort();
		consume(proc_base_name(text));
		sink ^= (uint8_t)proc_socket_inode(text);
		break;
	}
	return 0;
}
