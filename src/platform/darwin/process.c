/*
 * A process's facts. The kernel gives no handle of a process, so each is asked for by its PID, and
 * all of them hold only because the version of that PID is read before and after. What cannot be
 * read is left unknown.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/event.h>
#include <unistd.h>

#include "base/argv.h"
#include "base/clock.h"
#include "platform/darwin/files.h"
#include "platform/darwin/subject.h"
#include "platform/program.h"

#define ARGUMENTS_LEN_MAX \
	(256 * 1024)       /* of them and the environment; the system's limit is 1 MiB */
#define ARGV_LEN_MAX 32768 /* as on Linux: the longest of git or ssh is a fraction of it */

int view_new(struct view **ret) {
	struct view *view = calloc(1, sizeof(*view));
	int error;

	if (view == NULL)
		return -ENOMEM;
	error = session_screen_new(&view->screen);
	if (error < 0) {
		free(view);
		return error;
	}
	*ret = view;
	return 0;
}

void view_free(struct view *view) {
	if (view == NULL)
		return;
	session_screen_free(view->screen);
	free(view);
}

int subject_open(struct subject **ret, const struct view *view, pid_t pid) {
	CLEANUP(free_pointer) struct subject *subject = calloc(1, sizeof(*subject));
	int error;

	if (subject == NULL)
		return -ENOMEM;
	subject->view = view;
	subject->pid = pid;
	error = lookup_version(&subject->version, pid);
	if (error == 0)
		error = lookup_process(&subject->facts, pid);
	if (error < 0)
		return error;
	*ret = TAKE(subject);
	return 0;
}

void subject_close(struct subject *subject) {
	if (subject == NULL)
		return;
	buffer_deinit(&subject->arguments);
	free(subject);
}

/* What lies at the path now may be another file than runs, if that was removed meanwhile: then this
 * one came after the process. */
static char *read_exe(struct subject *subject) {
	char path[MAXPATHLEN];

	if (lookup_executable(path, subject->pid) < 0 || stat(path, &subject->exe) < 0 ||
	    !S_ISREG(subject->exe.st_mode))
		return NULL;
	if (subject->exe.st_ctime > (time_t)(subject->facts.start_us / 1000000))
		return NULL;
	subject->has_exe = true;
	return strdup(path);
}

/* Read at once, because the environment stands behind them. */
static void read_argv(struct process *process, struct subject *subject) {
	struct darwin_arguments arguments;

	buffer_clear(&subject->arguments);
	if (lookup_arguments(&subject->arguments, subject->pid, ARGUMENTS_LEN_MAX) < 0 ||
	    darwin_arguments_parse(&arguments, buffer_bytes(&subject->arguments), ARGV_LEN_MAX) < 0)
		return;
	process->argv_cut = arguments.argv_cut;
	/* Left unknown where memory is short. */
	if (argv_split(&process->argv, &process->argc, arguments.argv) < 0)
		process->argv_cut = false;
}

int subject_process(struct process *ret, pid_t *ret_parent, struct subject *subject) {
	struct process process = {.pid = subject->pid};
	int error = lookup_process(&subject->facts, subject->pid);

	if (error < 0)
		return error;
	process.start_ticks = subject->facts.start_us;
	process.started_us = (int64_t)subject->facts.start_us;
	process.title = strdup(subject->facts.title);
	process.exe = read_exe(subject);
	process.foreign = process.exe == NULL && subject->facts.uid != geteuid();
	read_argv(&process, subject);
	if (process.exe != NULL)
		process.name = program_name(&(struct program){
			process.exe, &subject->exe, process.argc > 0 ? process.argv[0] : NULL});
	*ret = process;
	*ret_parent = subject->facts.parent;
	return 0;
}

static bool is_same_exe(const struct subject *subject, const char *exe) {
	const struct file_state before = files_state_of(&subject->exe);
	char path[MAXPATHLEN];
	struct file_state now;
	struct stat status;

	if (lookup_executable(path, subject->pid) < 0 || strcmp(path, exe) != 0 ||
	    stat(path, &status) < 0)
		return false;
	now = files_state_of(&status);
	return file_state_equal(&before, &now);
}

/* They lie in the process's own memory, so that it can write over them. */
static bool is_same_argv(const struct subject *subject) {
	CLEANUP(buffer_deinit) struct buffer bytes = {0};
	struct darwin_arguments before, now;

	return lookup_arguments(&bytes, subject->pid, ARGUMENTS_LEN_MAX) == 0 &&
	       darwin_arguments_parse(&now, buffer_bytes(&bytes), ARGV_LEN_MAX) == 0 &&
	       darwin_arguments_parse(&before, buffer_bytes(&subject->arguments), ARGV_LEN_MAX) ==
	               0 &&
	       !before.argv_cut && !now.argv_cut && bytes_equal(before.argv, now.argv);
}

bool subject_unchanged(pid_t *ret_parent, struct subject *subject, const struct process *process) {
	if (process->title == NULL || process->argv == NULL || process->exe == NULL ||
	    subject_again(ret_parent, subject, process) < 0)
		return false;
	return strcmp(subject->facts.title, process->title) == 0 &&
	       is_same_exe(subject, process->exe) && is_same_argv(subject);
}

int subject_again(pid_t *ret_parent, struct subject *subject, const struct process *process) {
	uint32_t version;
	int error = lookup_process(&subject->facts, subject->pid);

	if (error == 0)
		error = lookup_version(&version, subject->pid);
	if (error < 0)
		return error;
	if (subject->facts.start_us != process->start_ticks)
		return -ESRCH;
	/* It also grows where the same program is executed again. */
	if (version != subject->version)
		return -ESTALE;
	*ret_parent = subject->facts.parent;
	return 0;
}

static uint64_t age_ms(uint64_t start_us) {
	int64_t now_us = clock_real_us();

	return now_us > 0 && (uint64_t)now_us > start_us ? ((uint64_t)now_us - start_us) / 1000 : 0;
}

static char *read_cwd(const struct subject *subject) {
	uint8_t info[DARWIN_DIRECTORIES_SIZE];
	struct bytes path;

	if (lookup_directories(info, subject->pid) < 0 ||
	    darwin_directory_parse(&path, BYTES(info)) < 0)
		return NULL;
	return strndup((const char *)path.data, path.len);
}

/* Who owns a file can make it writable. */
static bool is_writable(const struct stat *status) {
	return status->st_uid != 0 || (status->st_mode & 022) != 0;
}

static enum tri is_exe_writable(const struct subject *subject, const char *exe) {
	CLEANUP(free_pointer) char *directory = exe != NULL ? strdup(exe) : NULL;
	struct stat status;

	if (directory == NULL)
		return TRI_UNKNOWN;
	*strrchr(directory, '/') = '\0';
	if (stat(directory[0] != '\0' ? directory : "/", &status) < 0)
		return TRI_UNKNOWN;
	return is_writable(&status) || is_writable(&subject->exe) ? TRI_YES : TRI_NO;
}

/* The kernel has no path of a file that has none; but it may have the path that it had. */
static enum tri is_exe_deleted(const struct subject *subject) {
	char path[MAXPATHLEN];

	if (subject->has_exe)
		return TRI_NO;
	return lookup_executable(path, subject->pid) == -ENOENT ? TRI_YES : TRI_UNKNOWN;
}

static void mark(struct caller *caller, enum integrity integrity, enum tri holds) {
	if (holds == TRI_YES)
		caller->integrity |= integrity;
	if (holds == TRI_UNKNOWN)
		caller->integrity_unknown |= integrity;
}

void subject_caller_facts(struct caller *caller, struct subject *subject) {
	if (caller->process.exe != NULL)
		caller->exe_id = files_state_of(&subject->exe);
	caller->has_terminal = subject->facts.has_terminal ? TRI_YES : TRI_NO;
	caller->age_ms = age_ms(subject->facts.start_us);
	caller->apart = caller->apart_unknown = 0;
	caller->cwd = read_cwd(subject);
	mark(caller, INTEGRITY_TRACED, subject->facts.traced ? TRI_YES : TRI_NO);
	mark(caller, INTEGRITY_DELETED_EXE, is_exe_deleted(subject));
	mark(caller, INTEGRITY_WRITABLE_EXE, is_exe_writable(subject, caller->process.exe));
}

/* Nothing tells of a caller's own login, so that only what holds for all of them is said. */
enum presence subject_login_presence(const struct subject *subject, const struct caller *caller) {
	(void)caller;
	return session_screen_is_locked(subject->view->screen) == TRI_YES ? PRESENCE_LOCKED
	                                                          : PRESENCE_UNKNOWN;
}

int subject_environ(struct bytes *ret, struct subject *subject, void *buffer, size_t size) {
	struct darwin_arguments arguments;
	int error = darwin_arguments_parse(&arguments, buffer_bytes(&subject->arguments), 0);

	if (error < 0)
		return -ESRCH;
	if (arguments.environment.data == NULL)
		return -EACCES;
	if (arguments.environment.len >= size)
		return -E2BIG;
	memcpy(buffer, arguments.environment.data, arguments.environment.len);
	*ret = (struct bytes){buffer, arguments.environment.len};
	return 0;
}

enum tri subject_argv_mismatch(const struct subject *subject, const struct caller *caller,
                               const struct bytes *path) {
	const struct process *process = &caller->process;
	const struct program program = {process->exe, &subject->exe,
	                                process->argc > 0 ? process->argv[0] : NULL};
	struct program_search search = {.cwd = caller->cwd, .has_path = path != NULL};

	if (process->exe == NULL || process->argv == NULL)
		return TRI_UNKNOWN;
	if (path != NULL)
		search.path = *path;
	return program_argv_mismatch(&program, &search);
}

/* There are none. */
enum tri subject_same_namespaces(struct subject *subject) {
	(void)subject;
	return TRI_YES;
}

int platform_start_ticks(uint64_t *ret, pid_t pid) {
	struct darwin_process process;
	int error = lookup_process(&process, pid);

	if (error == 0)
		*ret = process.start_us;
	return error;
}
