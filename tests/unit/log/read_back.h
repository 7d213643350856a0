/* An event read back as anybody would: by libyaml, and then the documented escape undone. */
#ifndef TESTS_UNIT_LOG_READ_BACK_H
#define TESTS_UNIT_LOG_READ_BACK_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/buffer.h"
#include "log/escape.h"

struct read_back {
	yaml_parser_t parser;
	yaml_document_t document;
	bool well_formed; /* and a mapping */
};

/* The first document of the text, which must outlive it. */
static inline void read_back_init(struct read_back *read, struct bytes text) {
	yaml_node_t *root;

	memset(read, 0, sizeof(*read));
	if (yaml_parser_initialize(&read->parser) == 0)
		abort();
	yaml_parser_set_input_string(&read->parser, text.data, text.len);
	if (yaml_parser_load(&read->parser, &read->document) == 0)
		return;
	root = yaml_document_get_root_node(&read->document);
	read->well_formed = root != NULL && root->type == YAML_MAPPING_NODE;
}

static inline void read_back_deinit(struct read_back *read) {
	yaml_document_delete(&read->document);
	yaml_parser_delete(&read->parser);
}

static inline yaml_node_t *read_back_pair(struct read_back *read, yaml_node_t *map, const char *key,
                                          size_t len) {
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *node = yaml_document_get_node(&read->document, pair->key);

		if (node->data.scalar.length == len &&
		    memcmp(node->data.scalar.value, key, len) == 0)
			return yaml_document_get_node(&read->document, pair->value);
	}
	return NULL;
}

/* The node at a path such as "forensics/process_age" or "local_proc_tree/0/exe"; NULL where there
 * is none. */
static inline yaml_node_t *read_back_node(struct read_back *read, const char *path) {
	yaml_node_t *node = read->well_formed ? yaml_document_get_root_node(&read->document) : NULL;

	while (node != NULL && *path != '\0') {
		size_t len = strcspn(path, "/");

		if (node->type == YAML_MAPPING_NODE) {
			node = read_back_pair(read, node, path, len);
		} else if (node->type == YAML_SEQUENCE_NODE) {
			yaml_node_item_t *item = node->data.sequence.items.start +
			                         strtoul(path, NULL, 10);

			node = item < node->data.sequence.items.top
			               ? yaml_document_get_node(&read->document, *item)
			               : NULL;
		} else {
			node = NULL;
		}
		path += len + (path[len] == '/');
	}
	return node;
}

/* Whether there is a scalar at the path; *value gets it with its escapes undone. */
static inline bool read_back(struct read_back *read, const char *path, struct buffer *value) {
	yaml_node_t *node = read_back_node(read, path);

	value->len = 0;
	if (node == NULL || node->type != YAML_SCALAR_NODE)
		return false;
	escape_undo(value, (struct bytes){node->data.scalar.value, node->data.scalar.length});
	return true;
}

#endif
