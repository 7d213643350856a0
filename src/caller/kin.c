#include "caller/kin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/argv.h"
#include "caller/caller.h"

/* Two lines of ancestors as long as they are read at all. Each one takes three descriptors. */
#define KEPT_MAX (2 * ANCESTORS_MAX)

struct kept {
	struct subject *subject; /* NULL: there is none here */
	struct process process;
	uint64_t used; /* when, in turns */
};

struct kin {
	const struct view *view;
	uint64_t turn;
	struct kept kept[KEPT_MAX];
};

int kin_new(struct kin **ret, const struct view *view) {
	struct kin *kin = calloc(1, sizeof(*kin));

	if (kin == NULL)
		return -ENOMEM;
	kin->view = view;
	*ret = kin;
	return 0;
}

static void drop(struct kept *kept) {
	subject_close(kept->subject);
	process_deinit(&kept->process);
	*kept = (struct kept){0};
}

void kin_free(struct kin *kin) {
	if (kin == NULL)
		return;
	for (size_t i = 0; i < KEPT_MAX; i++)
		drop(&kin->kept[i]);
	free(kin);
}

static bool copy_text(char **ret, const char *text) {
	*ret = text != NULL ? strdup(text) : NULL;
	return text == NULL || *ret != NULL;
}

static int copy_process(struct process *ret, const struct process *process) {
	struct process copy = *process;

	copy.exe = copy.name = copy.title = NULL;
	copy.argv = NULL;
	if (!copy_text(&copy.exe, process->exe) || !copy_text(&copy.name, process->name) ||
	    !copy_text(&copy.title, process->title) ||
	    (process->argv != NULL && argv_copy(&copy.argv, process->argv, process->argc) < 0)) {
		process_deinit(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

/* The one that has this number; NULL: none. */
static struct kept *find(struct kin *kin, pid_t pid) {
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (kin->kept[i].subject != NULL && kin->kept[i].process.pid == pid)
			return &kin->kept[i];
	return NULL;
}

/* The one that was not used for longest, an empty one first; emptied. */
static struct kept *make_room(struct kin *kin) {
	struct kept *oldest = &kin->kept[0];

	for (size_t i = 1; i < KEPT_MAX; i++)
		if (kin->kept[i].used < oldest->used)
			oldest = &kin->kept[i];
	drop(oldest);
	return oldest;
}

static int read_anew(struct kept *kept, pid_t *ret_parent, const struct kin *kin, pid_t pid) {
	int error = subject_open(&kept->subject, kin->view, pid);

	if (error < 0) {
		kept->subject = NULL;
		return error;
	}
	error = subject_process(&kept->process, ret_parent, kept->subject);
	if (error < 0)
		drop(kept);
	return error;
}

int kin_read(struct process *ret, pid_t *ret_parent, struct subject **ret_subject, struct kin *kin,
             pid_t pid) {
	struct kept *kept = find(kin, pid);
	pid_t parent = 0;
	int error = 0;

	if (kept != NULL && !subject_unchanged(&parent, kept->subject, &kept->process)) {
		drop(kept);
		kept = NULL;
	}
	if (kept == NULL) {
		kept = make_room(kin);
		error = read_anew(kept, &parent, kin, pid);
	}
	if (error == 0)
		error = copy_process(ret, &kept->process);
	if (error < 0)
		return error;
	kept->used = ++kin->turn;
	*ret_parent = parent;
	*ret_subject = kept->subject;
	return 0;
}
