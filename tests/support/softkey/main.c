/* softkey --socket PATH [--secret TEXT] [--pin PIN] [--counter N] [--no-counter] [--ctap 2.0|2.1]
 * The script comes by standard input, the report goes to standard output. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto.h"
#include "softkey.h"

int main(int argc, char **argv) {
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"secret", required_argument, NULL, 'k'},
		{"pin", required_argument, NULL, 'p'},
		{"counter", required_argument, NULL, 'c'},
		{"no-counter", no_argument, NULL, 'n'},
		{"ctap", required_argument, NULL, 'v'},
		{0},
	};
	struct softkey_options key = {.ctap21 = true};
	const char *secret = "softkey";
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 's': key.path = optarg; break;
		case 'k': secret = optarg; break;
		case 'p': key.pin = optarg; break;
		case 'c': key.counter = (uint32_t)strtoul(optarg, NULL, 10); break;
		case 'n': key.no_counter = true; break;
		case 'v': key.ctap21 = strcmp(optarg, "2.0") != 0; break;
		default: return 2;
		}
	}
	if (key.path == NULL) {
		fputs("softkey: say --socket PATH\n", stderr);
		return 2;
	}
	sha256(key.secret, bytes_of_text(secret));
	return softkey_run(&key, STDIN_FILENO, STDOUT_FILENO) < 0 ? 1 : 0;
}
