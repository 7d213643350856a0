#include "monitor/past.h"

#include <errno.h>

#include "log/table.h"

int past_add(struct past *past, struct bytes document) {
	struct buffer *place = &past->documents[past->next];

	buffer_deinit(place);
	buffer_put_raw(place, document);
	if (buffer_error(place) < 0) {
		buffer_deinit(place);
		return -ENOMEM;
	}
	past->next = (past->next + 1) % PAST_MAX;
	past->count += past->count < PAST_MAX;
	return 0;
}

void past_clear(struct past *past) {
	for (size_t i = 0; i < PAST_MAX; i++)
		buffer_deinit(&past->documents[i]);
	past->next = past->count = 0;
}

struct bytes past_document(const struct past *past, size_t from_newest) {
	if (from_newest >= past->count)
		return (struct bytes){0};
	return buffer_bytes(&past->documents[(past->next + PAST_MAX - 1 - from_newest) % PAST_MAX]);
}

static void clean_table(struct table **table) {
	table_free(*table);
}

int past_show(struct buffer *shown, const struct past *past, size_t rows_max, size_t width,
              bool utf8) {
	CLEANUP(clean_table) struct table *table = NULL;
	size_t rows = past->count < rows_max ? past->count : rows_max;
	int error;

	if (rows == 0)
		return 0;
	error = table_new(&table, (struct table_options){.width = width, .utf8 = utf8});
	while (error == 0 && rows-- > 0)
		error = table_add(shown, table, past_document(past, rows));
	return error < 0 ? error : table_flush(shown, table);
}
