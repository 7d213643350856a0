#include "platform/hangup_table.h"

#include <errno.h>

#include "base/array.h"

#define ENTRIES_MIN 64

void hangup_table_deinit(struct hangup_table *table) {
	free(table->entries);
	*table = (struct hangup_table){0};
}

static int grow(struct hangup_table *table, size_t needed) {
	size_t n = table->n_entries > 0 ? table->n_entries : ENTRIES_MIN;
	struct hangup_entry *entries;

	while (n < needed)
		n *= 2;
	entries = array_resize(table->entries, n, sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	for (size_t i = table->n_entries; i < n; i++)
		entries[i] = (struct hangup_entry){0};
	table->entries = entries;
	table->n_entries = n;
	return 0;
}

int hangup_table_put(uint32_t *ret_generation, struct hangup_entry *ret_before,
                     struct hangup_table *table, int fd, uint64_t cookie, void *data) {
	size_t at = (size_t)fd;
	int error = at < table->n_entries ? 0 : grow(table, at + 1);

	if (error < 0)
		return error;
	*ret_before = table->entries[at];
	*ret_generation = ++table->generation;
	table->entries[at] = (struct hangup_entry){cookie, table->generation, data};
	return 0;
}

void hangup_table_put_back(struct hangup_table *table, int fd, const struct hangup_entry *before) {
	table->entries[fd] = *before;
}

void *hangup_table_take(struct hangup_table *table, int fd, uint32_t generation, uint64_t cookie) {
	struct hangup_entry *entry;
	void *data;

	if (fd < 0 || (size_t)fd >= table->n_entries)
		return NULL;
	entry = &table->entries[fd];
	if (entry->generation != generation || entry->cookie != cookie)
		return NULL;
	data = entry->data;
	entry->data = NULL;
	return data;
}
