/*
 * Any bytes in the fields of an event: the document is ASCII, below its limit, read by libyaml, and
 * gives back the same bytes, but for secrets within arguments. The input's NULs part the texts:
 * detail and user, name, exe, cwd and title, and from the sixth on the arguments. Then the same as
 * a part of the status.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/log/read_back.h"
#include "log/event_yaml.h"
#include "log/json.h"
#include "log/mask.h"
#include "log/secret.h"
#include "log/status.h"
#include "log/summary.h"

#define TEXTS_MAX 512 /* more than are written of a command line */

static void must(bool holds) {
	if (!holds)
		abort();
}

/* What was read is the text, or where it was shortened its beginning. */
static bool same_text(struct read_back *read, const char *path, const char *text, bool shortened) {
	CLEANUP(buffer_deinit) struct buffer value = {0};
	size_t len = strlen(text);

	if (!read_back(read, path, &value))
		return false;
	if (value.len > len ||
	    memcmp(value.len > 0 ? value.data : (const uint8_t *)"", text, value.len) != 0)
		return false;
	return shortened ? value.len < len : value.len == len;
}

static void check_text(struct read_back *read, const char *path, const char *text) {
	char shortened[64] = "shortened/";

	strcat(shortened, path);
	must(same_text(read, path, text, read_back_node(read, shortened) != NULL));
}

static void check_command(struct read_back *read, char **argv, size_t argc) {
	bool shortened = read_back_node(read, "shortened/command") != NULL;
	yaml_node_t *list = read_back_node(read, "command");
	bool is_secret = false;
	size_t count;

	must(list != NULL && list->type == YAML_SEQUENCE_NODE);
	count = (size_t)(list->data.sequence.items.top - list->data.sequence.items.start);
	must(shortened ? count <= argc : count == argc);
	for (size_t i = 0; i < count; i++) {
		CLEANUP(buffer_deinit) struct buffer room = {0};
		CLEANUP(free_pointer) char *expected = NULL;
		struct bytes masked = mask_argument(&room, bytes_of_text(argv[i]), &is_secret);
		char path[32];
		bool last = i + 1 == count;

		expected = strndup((const char *)masked.data, masked.len);
		must(expected != NULL);
		snprintf(path, sizeof(path), "command/%zu", i);
		must(same_text(read, path, expected, false) ||
		     (shortened && last && same_text(read, path, expected, true)));
	}
}

static void check(struct bytes document, const struct event *event) {
	CLEANUP(read_back_deinit) struct read_back read;
	const struct caller *caller = event->request->caller;

	must(document.len <= EVENT_LEN_MAX);
	for (size_t i = 0; i < document.len; i++)
		must(document.data[i] == '\n' ||
		     (document.data[i] >= 0x20 && document.data[i] < 0x7f));
	must(memmem(document.data, document.len - 5, "\n...\n", 5) == NULL);
	read_back_init(&read, document);
	must(read.well_formed);
	check_text(&read, "detail", event->detail);
	check_text(&read, "ssh_user", event->detail);
	check_text(&read, "process_name", caller->process.name);
	check_text(&read, "exe_path", caller->process.exe);
	check_text(&read, "local_cwd", caller->cwd);
	if (looks_secret(bytes_of_text("TERM"), caller->env[0] + strlen("TERM=")))
		check_text(&read, "env/TERM", SECRET_MASK);
	else
		must(same_text(&read, "env/TERM", caller->env[0] + strlen("TERM="),
		               read_back_node(&read, "shortened/env") != NULL));
	check_command(&read, caller->process.argv, caller->process.argc);
}

/* Nobody but the event's own field begins or holds such a word, for whoever looks line by line. */
static void check_lines(struct bytes document) {
	static const char word[] = "decision:", own[] = "    decision: deny\n";
	const uint8_t *found = memmem(document.data, document.len, word, strlen(word));
	const uint8_t *behind = found + strlen(word);
	size_t left = document.len - (size_t)(behind - document.data);

	must(found != NULL && found >= document.data + 4);
	must(memcmp(found - 4, own, strlen(own)) == 0);
	must(memmem(behind, left, word, strlen(word)) == NULL);
}

/* The event within the status, as a file and as the guard tells it. */
static void check_status(struct bytes event, const struct event *facts) {
	CLEANUP(buffer_deinit) struct buffer file = {0};
	CLEANUP(buffer_deinit) struct buffer told = {0};
	CLEANUP(buffer_deinit) struct buffer json = {0};
	CLEANUP(read_back_deinit) struct read_back read;
	char summary[SUMMARY_SIZE];
	struct status status = {.text = summary, .previous = event};

	summary_of(summary, facts);
	for (const char *at = summary; *at != '\0'; at++)
		must(*at >= ' ' && *at <= '~' && strchr("#<>&\"'\\$`%{}|*?", *at) == NULL);
	must(status_file_yaml(&file, &status) == 0);
	check_lines(buffer_bytes(&file));
	read_back_init(&read, buffer_bytes(&file));
	must(read.well_formed);
	must(same_text(&read, "previous/detail", facts->detail,
	               read_back_node(&read, "previous/shortened/detail") != NULL));
	must(same_text(&read, "previous/exe_path", facts->request->caller->process.exe,
	               read_back_node(&read, "previous/shortened/exe_path") != NULL));
	must(status_yaml(&told, &status) == 0);
	must(event_json(&json, buffer_bytes(&told)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
	CLEANUP(free_pointer) char *copy = calloc(1, len + 1);
	CLEANUP(buffer_deinit) struct buffer document = {0};
	char none[] = "";
	CLEANUP(free_pointer) char *variable = NULL;
	char *texts[TEXTS_MAX + 1] = {none, none, none, none, none};
	size_t count = 0;
	struct process process;

	if (copy == NULL)
		return 0;
	if (len > 0)
		memcpy(copy, data, len);
	for (char *text = copy; text <= copy + len && count < TEXTS_MAX; text += strlen(text) + 1)
		texts[count++] = text;

	if (asprintf(&variable, "TERM=%s", texts[3]) < 0)
		return 0;
	process = (struct process){.pid = 1,
	                           .name = texts[1],
	                           .exe = texts[2],
	                           .title = texts[4],
	                           .argv = texts + 5,
	                           .argc = count > 5 ? count - 5 : 0};
	{
		const struct caller caller = {.process = process,
		                              .cwd = texts[3],
		                              .env = &variable,
		                              .n_env = 1,
		                              .ancestors = &process,
		                              .n_ancestors = 1};
		const struct payload login = {.kind = PAYLOAD_SSH_LOGIN,
		                              .login = {.user = bytes_of_text(texts[0])}};
		const struct request request = {.caller = &caller, .payload = &login};
		const struct event event = {
			.decision = "deny", .detail = texts[0], .request = &request};

		must(event_yaml(&document, &event) == 0);
		check(buffer_bytes(&document), &event);
		check_status(buffer_bytes(&document), &event);
	}
	return 0;
}
