/* What a request, and each of its ancestors, says of a process. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/argv.h"
#include "describe/part.h"
#include "describe/slot.h"

#define TITLE_LEN_MAX 15 /* the kernel cuts what it derives from the executable's name */

int part_read_path(char **ret, struct reading *reading, const char *name,
                   const struct yaml_node *value) {
	const char *text = slot_text(reading, name, value);
	const char *home = reading->context.home;

	if (text == NULL)
		return 0;
	if (strncmp(text, "~/", 2) != 0)
		return part_settle_text(ret, text);
	if (home == NULL) {
		REPORT(reading, value, "%s: %.60s: HOME does not say what ~/ is", name, text);
		return 0;
	}
	if (asprintf(ret, "%s%s", home, text + 1) >= 0)
		return 0;
	*ret = NULL;
	return -ENOMEM;
}

static void put_argument(struct buffer *joined, struct bytes argument) {
	buffer_put_raw(joined, argument);
	buffer_put_u8(joined, '\0');
}

/* A list is an argument vector; one text is cut at its blanks. */
static int read_argv(struct process *process, struct reading *reading, const char *name,
                     const struct yaml_node *value) {
	static const char blanks[] = " \t\n";
	CLEANUP(buffer_deinit) struct buffer joined = {0};
	const char *text = "";
	int error;

	if (value->kind == TREE_LIST) {
		for (const struct yaml_node *item = value->first; item != NULL; item = item->next) {
			const char *argument = slot_text(reading, name, item);

			if (argument != NULL)
				put_argument(&joined, bytes_of_text(argument));
		}
	} else {
		text = slot_text(reading, name, value);
	}
	for (size_t len; text != NULL && *(text += strspn(text, blanks)) != '\0'; text += len) {
		len = strcspn(text, blanks);
		put_argument(&joined, (struct bytes){(const uint8_t *)text, len});
	}
	error = buffer_error(&joined);
	return error < 0 ? error
	                 : argv_split(&process->argv, &process->argc, buffer_bytes(&joined));
}

int part_read_exe(struct target *target, struct reading *reading, const char *name,
                  const struct yaml_node *value) {
	return part_read_path(&target->process->exe, reading, name, value);
}

int part_settle_exe(struct target *target) {
	return part_settle_text(&target->process->exe, "");
}

int part_read_name(struct target *target, struct reading *reading, const char *name,
                   const struct yaml_node *value) {
	return slot_copy(&target->process->name, reading, name, value);
}

/* As it is for a live one: the last part of exe, and not known where exe is not. */
int part_settle_name(struct target *target) {
	struct process *process = target->process;
	const char *slash;

	if (process->name != NULL || process->exe == NULL)
		return 0;
	slash = strrchr(process->exe, '/');
	return part_settle_text(&process->name, slash != NULL ? slash + 1 : process->exe);
}

int part_read_title(struct target *target, struct reading *reading, const char *name,
                    const struct yaml_node *value) {
	return slot_copy(&target->process->title, reading, name, value);
}

int part_settle_title(struct target *target) {
	struct process *process = target->process;

	if (process->title != NULL)
		return 0;
	process->title = strndup(process->name != NULL ? process->name : "", TITLE_LEN_MAX);
	return process->title != NULL ? 0 : -ENOMEM;
}

int part_read_command(struct target *target, struct reading *reading, const char *name,
                      const struct yaml_node *value) {
	return read_argv(target->process, reading, name, value);
}

int part_settle_command(struct target *target) {
	struct process *process = target->process;

	return process->argv != NULL
	               ? 0
	               : argv_split(&process->argv, &process->argc, (struct bytes){0});
}
