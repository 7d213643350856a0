/* What macOS's kernel writes of a process. The first byte says which of it, the second how much of
 * the arguments is kept. */
#include <stdlib.h>

#include "base/argv.h"
#include "caller/environment.h"
#include "platform/darwin/kernel_bytes.h"

static volatile uint8_t sink;

/* Reads every byte of a view, so that a bad one is seen. */
static void consume(struct bytes view) {
	for (size_t i = 0; i < view.len; i++)
		sink ^= view.data[i];
}

static void check_arguments(struct bytes text, size_t argv_len_max) {
	struct darwin_arguments arguments;
	char **argv;
	size_t argc;

	if (darwin_arguments_parse(&arguments, text, argv_len_max) < 0)
		return;
	if (arguments.argv.len > argv_len_max ||
	    (arguments.argv.len > 0 && arguments.argv.data[arguments.argv.len - 1] != '\0'))
		abort();
	if (argv_split(&argv, &argc, arguments.argv) < 0)
		abort();
	for (size_t i = 0; i < argc; i++)
		consume(bytes_of_text(argv[i]));
	free(argv);
	if (arguments.environment.data != NULL && arguments.environment.len == 0)
		abort();
	consume(arguments.environment);
	sink ^= environment_preloads(arguments.environment);
	consume(environment_get(arguments.environment, "PATH"));
}

static void check_process(int error, const struct darwin_process *process) {
	if (error < 0)
		return;
	if (process->pid <= 0 || process->parent < 0 || process->start_us == 0)
		abort();
	consume(bytes_of_text(process->title));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct darwin_process process;
	struct darwin_token token;
	struct darwin_socket socket;
	struct bytes text, path;
	uint32_t version;

	if (size < 2)
		return 0;
	text = (struct bytes){data + 2, size - 2};
	switch (data[0]) {
	case 'a': check_arguments(text, data[1]); break;
	case 'b': check_process(darwin_bsdinfo_parse(&process, text), &process); break;
	case 'k': check_process(darwin_kinfo_parse(&process, text), &process); break;
	case 'd':
		if (darwin_directory_parse(&path, text) == 0)
			consume(path);
		break;
	case 's':
		if (darwin_socket_parse(&socket, text) == 0)
			sink ^= (uint8_t)(socket.own ^ socket.other);
		break;
	case 't':
		if (darwin_token_parse(&token, text) == 0 && token.pid <= 0)
			abort();
		break;
	case 'v':
		if (darwin_version_parse(&version, text) == 0)
			sink ^= (uint8_t)version;
		break;
	}
	return 0;
}
