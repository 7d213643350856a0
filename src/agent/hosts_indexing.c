#include "agent/hosts_indexing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/hosts_list.h"

#define SLICE_LEN (128 * 1024) /* of lines that are indexed in one turn: some milliseconds */
#define TEXTS_MAX (HOSTS_LIST_MAX + 1) /* and what was accepted */

struct text {
	char *data; /* owned */
	size_t len;
	enum known_hosts_origin origin;
	bool is_now, was_accepted; /* which of the two indexes it is for */
};

struct hosts_indexing {
	struct ev_loop *loop;
	hosts_indexing_done *done;
	void *data;
	struct hosts_indexed next; /* as far as it is */
	struct text texts[TEXTS_MAX];
	size_t n_texts, at_text, at_byte;
	size_t texts_len; /* of the files */
	ev_timer slice;
};

void hosts_indexed_deinit(struct hosts_indexed *indexed) {
	known_hosts_free(indexed->now);
	known_hosts_free(indexed->accepted);
	buffer_deinit(&indexed->listed);
	*indexed = (struct hosts_indexed){0};
}

static void clear(struct hosts_indexing *indexing) {
	for (size_t i = 0; i < indexing->n_texts; i++)
		free(indexing->texts[i].data);
	indexing->n_texts = indexing->at_text = indexing->at_byte = indexing->texts_len = 0;
	hosts_indexed_deinit(&indexing->next);
	ev_timer_stop(indexing->loop, &indexing->slice);
}

/* Up to the end of a line, unless that one is longer than all. */
static struct bytes next_slice(const struct text *text, size_t at) {
	struct bytes rest = {(const uint8_t *)text->data + at, text->len - at};
	const uint8_t *end;

	if (rest.len <= SLICE_LEN)
		return rest;
	end = memchr(rest.data + SLICE_LEN, '\n', rest.len - SLICE_LEN);
	if (end != NULL)
		rest.len = (size_t)(end - rest.data) + 1;
	return rest;
}

static void slice_soon(struct hosts_indexing *indexing) {
	ev_timer_set(&indexing->slice, 0., 0.);
	ev_timer_start(indexing->loop, &indexing->slice);
}

static int add_slice(struct hosts_indexing *indexing, const struct text *text, struct bytes slice) {
	int error = text->is_now ? known_hosts_add(indexing->next.now, slice, text->origin) : 0;

	if (error == 0 && text->was_accepted && indexing->next.accepted != NULL)
		error = known_hosts_add(indexing->next.accepted, slice, text->origin);
	return error;
}

/* The last thing that its callers do: whoever is told may begin anew. */
static void finish(struct hosts_indexing *indexing, int error) {
	CLEANUP(hosts_indexed_deinit) struct hosts_indexed indexed = {0};

	if (error == 0) {
		indexed = indexing->next;
		indexing->next = (struct hosts_indexed){0};
	}
	clear(indexing);
	indexing->done(indexing->data, error, &indexed);
}

static void on_slice(struct ev_loop *loop, ev_timer *watcher, int revents) {
	struct hosts_indexing *indexing = watcher->data;
	const struct text *text = &indexing->texts[indexing->at_text];
	struct bytes slice;
	int error;

	(void)loop, (void)revents;
	if (indexing->at_text == indexing->n_texts) {
		finish(indexing, 0);
		return;
	}
	slice = next_slice(text, indexing->at_byte);
	error = add_slice(indexing, text, slice);
	if (error < 0) {
		finish(indexing, error);
		return;
	}
	indexing->at_byte += slice.len;
	if (indexing->at_byte == text->len) {
		indexing->at_byte = 0;
		indexing->at_text++;
	}
	slice_soon(indexing);
}

/* Of the user's files as they are one index holds the lines, and the other one those accepted; the
 * system's are for both. */
static bool add_text(struct hosts_indexing *indexing, struct bytes bytes, bool is_systems,
                     bool is_now) {
	struct text *text = &indexing->texts[indexing->n_texts];

	text->data = malloc(bytes.len + 1);
	if (text->data == NULL)
		return false;
	if (bytes.len > 0)
		memcpy(text->data, bytes.data, bytes.len);
	text->len = bytes.len;
	text->origin = is_systems ? KNOWN_HOSTS_SYSTEM : KNOWN_HOSTS_USER;
	text->is_now = is_now;
	text->was_accepted = is_systems || !is_now;
	indexing->n_texts++;
	return true;
}

/* One behind the other; the last line of each ends. */
static bool list_text(struct buffer *listed, struct bytes text) {
	buffer_put_raw(listed, text);
	if (text.len > 0 && text.data[text.len - 1] != '\n')
		buffer_put_u8(listed, '\n');
	return buffer_error(listed) == 0;
}

int hosts_indexing_begin(struct hosts_indexing *indexing) {
	clear(indexing);
	return known_hosts_new(&indexing->next.now);
}

int hosts_indexing_add(struct hosts_indexing *indexing, struct bytes text, bool is_systems) {
	if (indexing->n_texts == HOSTS_LIST_MAX ||
	    text.len > KNOWN_HOSTS_BYTES_MAX - indexing->texts_len)
		return -EFBIG;
	if (!add_text(indexing, text, is_systems, true) ||
	    (!is_systems && !list_text(&indexing->next.listed, text))) {
		clear(indexing);
		return -ENOMEM;
	}
	indexing->texts_len += text.len;
	indexing->next.n_files++;
	return 0;
}

int hosts_indexing_accept(struct hosts_indexing *indexing, struct bytes accepted) {
	if (bytes_equal(accepted, buffer_bytes(&indexing->next.listed)))
		return 0;
	if (known_hosts_new(&indexing->next.accepted) < 0 ||
	    !add_text(indexing, accepted, false, false)) {
		clear(indexing);
		return -ENOMEM;
	}
	return 0;
}

void hosts_indexing_go(struct hosts_indexing *indexing) {
	slice_soon(indexing);
}

bool hosts_indexing_is_at_work(const struct hosts_indexing *indexing) {
	return indexing->next.now != NULL;
}

int hosts_indexing_new(struct hosts_indexing **ret, struct ev_loop *loop, hosts_indexing_done *done,
                       void *data) {
	struct hosts_indexing *indexing = calloc(1, sizeof(*indexing));

	if (indexing == NULL)
		return -ENOMEM;
	*indexing = (struct hosts_indexing){.loop = loop, .done = done, .data = data};
	ev_init(&indexing->slice, on_slice);
	indexing->slice.data = indexing;
	*ret = indexing;
	return 0;
}

void hosts_indexing_free(struct hosts_indexing *indexing) {
	if (indexing == NULL)
		return;
	clear(indexing);
	free(indexing);
}
