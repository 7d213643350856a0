/*
 * Writes one event for each hostile value into the file EVENTS, and the value itself in
 * hexadecimal, one a line, into the file VALUES: for other_reader.pl, which must find the same in
 * both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/event_yaml.h"
#include "log/hostile.h"

static int write_one(FILE *events, FILE *values, char *value) {
	CLEANUP(buffer_deinit) struct buffer document = {0};
	char argv0[] = "ssh";
	char *argv[] = {argv0, value, NULL};
	const struct caller caller = {
		.uid = 1000,
		.process = {.pid = 42, .exe = value, .name = value, .argv = argv, .argc = 2},
		.has_terminal = TRI_NO,
		.cwd = value,
		.ancestors_known = true,
	};
	const struct request request = {.caller = &caller, .endpoint = "default"};
	const struct event event = {.trigger = "sign", .detail = value, .request = &request};

	if (event_yaml(&document, &event) < 0 ||
	    fwrite(document.data, 1, document.len, events) != document.len)
		return -1;
	for (const char *c = value; *c != '\0'; c++)
		fprintf(values, "%02x", (unsigned char)*c);
	return fputc('\n', values) == EOF ? -1 : 0;
}

int main(int argc, char **argv) {
	FILE *events = argc == 3 ? fopen(argv[1], "w") : NULL;
	FILE *values = argc == 3 ? fopen(argv[2], "w") : NULL;
	int error = events == NULL || values == NULL ? -1 : 0;

	for (size_t i = 0; error == 0 && i < N_HOSTILE; i++) {
		CLEANUP(free_pointer) char *value = strdup(hostile_values[i]);

		error = value == NULL ? -1 : write_one(events, values, value);
	}
	for (int byte = 1; error == 0 && byte < 256; byte++) {
		char value[] = {'a', (char)byte, 'x', '4', '1', '\0'};

		error = write_one(events, values, value);
	}
	if (error < 0 || fclose(events) != 0 || fclose(values) != 0)
		return 1;
	return 0;
}
