#include "log/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "log/days.h"
#include "log/doc.h"
#include "log/event_yaml.h"
#include "log/place.h"
#include "log/tail.h"
#include "platform/platform.h"

#define DAY_US      (86400LL * 1000000)
#define CUT_LEN_MAX 768 /* of what was cut off, in the event that says so */

struct journal {
	struct place place;
	int file_fd;      /* -1: not open */
	struct stat file; /* as we left it */
	char day[CLOCK_DAY_SIZE];
	unsigned part;       /* of that day */
	uint64_t file_len;   /* a file that is that long is followed by another one */
	unsigned long turns; /* how often another file was begun */
	char *mended; /* what the next event has to say of a tail that was cut off; owned, or NULL
	               */
	struct chain_link link; /* of the next event */
	struct buffer documents;
	journal_copy *copy; /* NULL: nobody */
	void *copy_data;
};

static bool same_inode(const struct stat *a, const struct stat *b) {
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* What is to be said of len bytes that stood at the end of the file. The first of them are quoted;
 * event_yaml() escapes them. A NUL would end the text, so one is written as a space. */
static int remember_mended(struct journal *journal, const char *name, const uint8_t *tail,
                           size_t len) {
	char text[CUT_LEN_MAX + 128];
	size_t quoted = len < CUT_LEN_MAX ? len : CUT_LEN_MAX;
	int at = snprintf(text, sizeof(text),
	                  "%zu bytes of an unfinished event were cut off %s: ", len, name);

	for (size_t i = 0; i < quoted; i++)
		text[(size_t)at + i] = tail[i] == '\0' ? ' ' : (char)tail[i];
	text[(size_t)at + quoted] = '\0';
	free(journal->mended);
	journal->mended = strdup(text);
	return journal->mended == NULL ? -ENOMEM : 0;
}

/* Cuts off what stands behind the last whole document, and nothing else. */
static int file_mend(struct journal *journal, const char *name, int fd, struct stat *status) {
	uint8_t tail[CUT_LEN_MAX];
	ssize_t got;
	off_t whole = 0;
	int error = tail_find(&whole, fd, status->st_size);

	if (error < 0 || whole == status->st_size)
		return error;
	got = pread(fd, tail, sizeof(tail), whole);
	if (got < 0)
		return -errno;
	error = remember_mended(journal, name, tail, (size_t)(status->st_size - whole));
	if (error < 0)
		return error;
	if (ftruncate(fd, whole) < 0)
		return -errno;
	status->st_size = whole;
	return 0;
}

/* Opens the day's file, makes it where it is missing, and mends its end. O_NONBLOCK, because a FIFO
 * or somebody's lease must not stall us; the FIFO is then found to be no regular file. */
static int file_open(struct journal *journal, const char day[static CLOCK_DAY_SIZE],
                     unsigned part) {
	CLEANUP(close_fd) int fd = -1;
	char name[DAY_FILE_SIZE];
	struct stat status;
	int error;

	close_fd(&journal->file_fd);
	day_file_name(name, day, part);
	fd = openat(journal->place.dir_fd, name,
	            O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	            0600);
	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (status.st_uid != geteuid())
		return -EPERM;
	if (status.st_dev != journal->place.dir.st_dev)
		return -EXDEV;
	/* One that was restored from a backup, say. */
	if ((status.st_mode & 077) != 0 && fchmod(fd, 0600) < 0)
		return -errno;
	error = file_mend(journal, name, fd, &status);
	if (error < 0)
		return error;
	journal->file = status;
	journal->file_fd = take_fd(&fd);
	journal->turns += strcmp(journal->day, day) != 0 || journal->part != part;
	memcpy(journal->day, day, CLOCK_DAY_SIZE);
	journal->part = part;
	return 0;
}

/* One that says nothing of itself is linked to all the same: the verifier finds it. */
static void link_to(struct journal *journal, struct bytes document) {
	struct chain_link link = {0};

	if (chain_link_read(&link, document) < 0)
		link = (struct chain_link){0};
	journal->link = chain_next(&link, document);
}

/* What the last event of the open file links the next one to. */
static int link_to_last(struct journal *journal) {
	CLEANUP(buffer_deinit) struct buffer last = {0};
	int error = tail_document(&last, journal->file_fd, journal->file.st_size);

	if (error == 0)
		link_to(journal, buffer_bytes(&last));
	return error;
}

/* The same of a packed one, which is only read. */
static int link_to_last_packed(struct journal *journal, const char *name) {
	CLEANUP(buffer_deinit) struct buffer last = {0};
	struct day_file *file = NULL;
	int error = day_file_open(&file, journal->place.dir_fd, name);

	if (error == 0)
		error = tail_document_through(&last, file);
	day_file_close(file);
	if (error == 0)
		link_to(journal, buffer_bytes(&last));
	return error;
}

/* Opens the newest day file that has an event. One that is called after a day to come is not ours,
 * except for tomorrow's, which a clock that was set back a little leaves. */
static int open_newest(struct journal *journal) {
	CLEANUP(days_deinit) struct days days = {0};
	char tomorrow[CLOCK_DAY_SIZE], day[CLOCK_DAY_SIZE];
	int error = days_list(&days, journal->place.dir_fd);

	if (error < 0)
		return error;
	journal->link = chain_first();
	clock_day(tomorrow, clock_real_us() + DAY_US);
	for (size_t i = days.count; i > 0; i--) {
		const char *name = days.names[i - 1];

		day_file_day(day, name);
		if (strcmp(day, tomorrow) > 0)
			continue;
		if (day_file_is_packed(name))
			return link_to_last_packed(journal, name);
		error = file_open(journal, day, day_file_part(name));
		if (error < 0)
			return error;
		if (journal->file.st_size > 0)
			return link_to_last(journal);
	}
	return 0;
}

static void journal_clean(struct journal **journal) {
	journal_free(*journal);
}

int journal_new(struct journal **ret, int state_fd) {
	CLEANUP(journal_clean) struct journal *journal = calloc(1, sizeof(*journal));
	int error;

	if (journal == NULL)
		return -ENOMEM;
	journal->place = PLACE_CLOSED;
	journal->file_fd = -1;
	journal->file_len = UINT64_MAX;
	error = place_init(&journal->place, state_fd);
	if (error == 0)
		error = open_newest(journal);
	if (error < 0)
		return error;
	*ret = TAKE(journal);
	return 0;
}

void journal_free(struct journal *journal) {
	if (journal == NULL)
		return;
	place_deinit(&journal->place);
	close_fd(&journal->file_fd);
	free(journal->mended);
	buffer_deinit(&journal->documents);
	free(journal);
}

const struct chain_link *journal_head(const struct journal *journal) {
	return &journal->link;
}

int journal_look(struct journal *journal) {
	bool anew = false;
	int error = place_look(&journal->place, &anew);

	if (anew)
		close_fd(&journal->file_fd);
	return error;
}

const char *journal_astray(const struct journal *journal) {
	return journal->place.astray;
}

const char *journal_take_change(struct journal *journal) {
	return TAKE(journal->place.change);
}

void journal_set_covered(struct journal *journal, bool covered) {
	journal->place.covered = covered;
}

const char *journal_path(const struct journal *journal) {
	return journal->place.path;
}

/* A day's file is not left for an older one because the clock was set back a little: files in the
 * order of their names hold events in the order in which they were written. */
static void choose_day(char ret[static CLOCK_DAY_SIZE], const struct journal *journal,
                       int64_t real_us) {
	char tomorrow[CLOCK_DAY_SIZE];

	clock_day(ret, real_us);
	clock_day(tomorrow, real_us + DAY_US);
	if (strcmp(journal->day, ret) > 0 && strcmp(journal->day, tomorrow) <= 0)
		memcpy(ret, journal->day, CLOCK_DAY_SIZE);
}

/* Goes on in the last file of a day that there is. One that is packed is closed for good. */
static int day_open(struct journal *journal, const char day[static CLOCK_DAY_SIZE]) {
	CLEANUP(days_deinit) struct days days = {0};
	unsigned part = 1;
	int error = days_list(&days, journal->place.dir_fd);

	if (error < 0)
		return error;
	for (size_t i = days.count; i > 0; i--) {
		const char *name = days.names[i - 1];

		if (strncmp(name, day, CLOCK_DAY_SIZE - 1) != 0)
			continue;
		part = day_file_part(name) + day_file_is_packed(name);
		break;
	}
	return file_open(journal, day, part);
}

/* The file as it is called now, whole at its end. */
static int file_keep(struct journal *journal, int64_t real_us) {
	char day[CLOCK_DAY_SIZE], name[DAY_FILE_SIZE];
	struct stat status;

	choose_day(day, journal, real_us);
	if (journal->file_fd < 0 || strcmp(day, journal->day) != 0)
		return day_open(journal, day);
	day_file_name(name, day, journal->part);
	if (fstatat(journal->place.dir_fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !same_inode(&status, &journal->file))
		return file_open(journal, day, journal->part);
	if (status.st_size != journal->file.st_size) {
		/* Somebody else wrote to it, or a part could not be taken back. */
		int error = file_mend(journal, name, journal->file_fd, &status);

		if (error < 0)
			return error;
		journal->file.st_size = status.st_size;
	}
	if ((uint64_t)status.st_size >= journal->file_len && journal->part < DAY_PART_MAX)
		return file_open(journal, day, journal->part + 1);
	return 0;
}

/* Appends an event's document, and moves *link on to the event after it. */
static int encode_one(struct buffer *documents, const struct event *event,
                      struct chain_link *link) {
	size_t begin = documents->len;
	int error = event_yaml_linked(documents, event, link);

	if (error < 0)
		return error;
	*link = chain_next(link, (struct bytes){documents->data + begin, documents->len - begin});
	return 0;
}

static int encode(struct journal *journal, const struct event *event, struct chain_link *link) {
	const struct event mended = {
		.real_us = event->real_us,
		.trigger = "log-mended",
		.detail = journal->mended,
	};
	int error = 0;

	buffer_clear(&journal->documents);
	journal->documents.error = 0;
	if (journal->mended != NULL)
		error = encode_one(&journal->documents, &mended, link);
	return error < 0 ? error : encode_one(&journal->documents, event, link);
}

/* Cuts off the written bytes, which are the last ones of the file. Where that fails, the next call
 * finds a file longer than we left it, and mends it. */
static void take_back(struct journal *journal, size_t written) {
	off_t end = lseek(journal->file_fd, 0, SEEK_CUR);

	if (written > 0 && end >= (off_t)written &&
	    ftruncate(journal->file_fd, end - (off_t)written) < 0)
		journal->file.st_size = -1;
}

/* One write(), except that a short one is continued, for the reason why it was short. */
static int append(struct journal *journal, struct bytes bytes) {
	size_t written = 0;

	while (written < bytes.len) {
		ssize_t len = write(journal->file_fd, bytes.data + written, bytes.len - written);
		int error = len < 0 ? -errno : -EIO;

		if (error == -EINTR)
			continue;
		if (len <= 0) {
			take_back(journal, written);
			return error;
		}
		written += (size_t)len;
	}
	return 0;
}

/* -ESTALE: the file had lost its name by the time it was written. */
static int write_once(struct journal *journal, const struct event *event) {
	struct chain_link link = journal->link;
	struct stat status;
	int error = journal_look(journal);

	if (error == 0)
		error = file_keep(journal, event->real_us);
	if (error == 0)
		error = encode(journal, event, &link);
	if (error == 0)
		error = append(journal, buffer_bytes(&journal->documents));
	if (error < 0)
		return error;
	if (fstat(journal->file_fd, &status) < 0)
		return -errno;
	journal->file = status;
	if (status.st_nlink == 0)
		return -ESTALE;
	journal->link = link;
	return 0;
}

/* The event's document, and before it that of a mended tail. */
static void give_copies(const struct journal *journal) {
	struct bytes rest = buffer_bytes(&journal->documents);

	while (journal->copy != NULL && rest.len > 0) {
		const uint8_t *end = memmem(rest.data, rest.len, "\n" DOC_END,
		                            strlen("\n" DOC_END));
		size_t len = end != NULL ? (size_t)(end - rest.data) + strlen("\n" DOC_END)
		                         : rest.len;

		journal->copy(journal->copy_data, (struct bytes){rest.data, len});
		rest = (struct bytes){rest.data + len, rest.len - len};
	}
}

void journal_set_copy(struct journal *journal, journal_copy *copy, void *data) {
	journal->copy = copy;
	journal->copy_data = data;
}

int journal_write(struct journal *journal, const struct event *event) {
	int error = write_once(journal, event);

	if (error == -ESTALE)
		error = write_once(journal, event);
	if (error < 0)
		return error;
	free(journal->mended);
	journal->mended = NULL;
	give_copies(journal);
	return 0;
}

int journal_fd(const struct journal *journal) {
	return journal->file_fd;
}

int journal_dir_fd(const struct journal *journal) {
	return journal->place.dir_fd;
}

bool journal_file_name(char ret[static DAY_FILE_SIZE], const struct journal *journal) {
	if (journal->file_fd < 0)
		return false;
	day_file_name(ret, journal->day, journal->part);
	return true;
}

void journal_set_file_len(struct journal *journal, uint64_t len) {
	journal->file_len = len;
}

unsigned long journal_turns(const struct journal *journal) {
	return journal->turns;
}
