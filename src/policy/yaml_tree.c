#include "policy/yaml_tree.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

#include "policy/yaml_text.h"

#define ANCHORS_MAX 64 /* of one file; nobody has as many */

/* What an alias stands for, once it is read to its end: so none stands within itself. */
struct anchor {
	char *name; /* owned */
	const struct yaml_node *node;
};

struct reader {
	yaml_parser_t parser;
	struct bytes text;
	const char *file;
	struct problems *problems;
	size_t n_nodes;
	size_t n_aliased; /* of them, those that stand for others */
	struct anchor anchors[ANCHORS_MAX];
	size_t n_anchors;
};

static void free_reader(struct reader *reader) {
	for (size_t i = 0; i < reader->n_anchors; i++)
		free(reader->anchors[i].name);
	yaml_parser_delete(&reader->parser);
}

static void free_tree(struct yaml_node **root) {
	yaml_tree_free(*root);
}

void yaml_tree_free(struct yaml_node *root) {
	struct yaml_node *child;

	if (root == NULL)
		return;
	while ((child = root->first) != NULL) {
		root->first = child->next;
		yaml_tree_free(child); /* no deeper than YAML_DEPTH_MAX */
	}
	free(root->text);
	free(root);
}

size_t yaml_tree_size(const struct yaml_node *root) {
	size_t size = 1;

	for (const struct yaml_node *child = root->first; child != NULL; child = child->next)
		size += yaml_tree_size(child);
	return size;
}

#define REPORT(reader, mark, ...)                                                            \
	problems_add((reader)->problems, (reader)->file, (mark).line + 1, (mark).column + 1, \
	             __VA_ARGS__)

/* libyaml's own complaint. Its reader has none left, because yaml_text_check() came first. */
static int syntax_error(struct reader *reader) {
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark;
	struct bytes near = yaml_text_at(reader->text, mark.line + 1, mark.column + 1);
	const char *what = parser->problem != NULL ? parser->problem : "cannot be read";
	char context[128] = "";
	char found[64] = "at its end";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->context != NULL && parser->context_mark.line != mark.line)
		snprintf(context, sizeof(context), ", %s that began in line %zu", parser->context,
		         parser->context_mark.line + 1);
	else if (parser->context != NULL)
		snprintf(context, sizeof(context), ", %s", parser->context);
	if (near.len > 0 && near.data[0] == '\t')
		snprintf(found, sizeof(found), "at a tab (indent with spaces)");
	else if (near.len > 0)
		snprintf(found, sizeof(found), "at \"%.*s\"", near.len < 40 ? (int)near.len : 40,
		         (const char *)near.data);
	REPORT(reader, mark, "not valid YAML %s: %s%s", found, what, context);
	return -EINVAL;
}

static int next_event(struct reader *reader, yaml_event_t *ret) {
	return yaml_parser_parse(&reader->parser, ret) ? 0 : syntax_error(reader);
}

static int node_new(struct yaml_node **ret, struct reader *reader, yaml_mark_t mark) {
	struct yaml_node *node;

	if (++reader->n_nodes > YAML_NODES_MAX) {
		REPORT(reader, mark, "more than %d values; no policy needs as many",
		       YAML_NODES_MAX);
		return -EINVAL;
	}
	node = calloc(1, sizeof(*node));
	if (node == NULL)
		return -ENOMEM;
	node->file = reader->file;
	node->line = mark.line + 1;
	node->column = mark.column + 1;
	*ret = node;
	return 0;
}

static void check_tag(struct reader *reader, yaml_mark_t mark, const yaml_char_t *tag) {
	if (tag != NULL)
		REPORT(reader, mark, "%.60s: tags are not taken here; quote what is text",
		       (const char *)tag);
}

static int read_scalar(struct yaml_node *node, struct reader *reader, const yaml_event_t *event) {
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;

	check_tag(reader, event->start_mark, event->data.scalar.tag);
	if (memchr(value, '\0', len) != NULL) {
		REPORT(reader, event->start_mark,
		       "\"%.60s\\0\": a text with a zero byte fits nothing; remove it", value);
		node->kind = TREE_BROKEN;
		return 0;
	}
	node->kind = TREE_TEXT;
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = strndup(value, len);
	return node->text == NULL ? -ENOMEM : 0;
}

static int by_text_and_place(const void *a, const void *b) {
	const struct yaml_node *x = *(const struct yaml_node *const *)a;
	const struct yaml_node *y = *(const struct yaml_node *const *)b;
	int order = strcmp(x->text, y->text);

	if (order == 0)
		order = strcmp(x->file, y->file);
	if (order != 0)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->column < y->column ? -1 : x->column > y->column;
}

void yaml_nodes_sort(const struct yaml_node **nodes, size_t n_nodes) {
	/* None at all may be no array. */
	if (n_nodes > 1)
		qsort(nodes, n_nodes, sizeof(nodes[0]), by_text_and_place);
}

const char *place_text(char ret[static PLACE_TEXT_SIZE], const char *file, const char *other_file,
                       size_t other_line) {
	if (strcmp(file, other_file) == 0)
		snprintf(ret, PLACE_TEXT_SIZE, "line %zu", other_line);
	else
		snprintf(ret, PLACE_TEXT_SIZE, "line %zu of %.256s", other_line, other_file);
	return ret;
}

/* By sorting: a map of 100,000 keys must not take a hundred thousand times as long. */
static int check_duplicates(struct reader *reader, const struct yaml_node *map) {
	CLEANUP(free_pointer)
	const struct yaml_node **keys = calloc(map->count + 1, sizeof(struct yaml_node *));
	size_t n_keys = 0;

	if (keys == NULL)
		return -ENOMEM;
	for (const struct yaml_node *key = map->first; key != NULL; key = key->next->next)
		if (key->kind == TREE_TEXT)
			keys[n_keys++] = key;
	yaml_nodes_sort(keys, n_keys);
	for (size_t i = 1; i < n_keys; i++)
		if (strcmp(keys[i]->text, keys[i - 1]->text) == 0)
			problems_add(reader->problems, reader->file, keys[i]->line, keys[i]->column,
			             "%.60s: stands twice in one map, also in line %zu; remove one",
			             keys[i]->text, keys[i - 1]->line);
	return 0;
}

/* Which of two maps counts where both have a field, readers of YAML do not agree on; nobody should
 * have to know who looks through a policy. */
static void refuse_merge(struct reader *reader, struct yaml_node *key) {
	problems_add(reader->problems, reader->file, key->line, key->column,
	             "<<: merging one map into another is not taken here; write its fields out, or "
	             "put an alias in the place of a whole value (match: *name)");
	key->kind = TREE_BROKEN;
}

bool yaml_is_merge(const struct yaml_node *key) {
	return key->plain && key->text != NULL && strcmp(key->text, "<<") == 0;
}

static void check_key(struct reader *reader, struct yaml_node *key) {
	if (key->kind == TREE_TEXT && yaml_is_merge(key))
		refuse_merge(reader, key);
	if (key->kind != TREE_LIST && key->kind != TREE_MAP)
		return;
	problems_add(reader->problems, reader->file, key->line, key->column,
	             "a %s as a name; names are text", key->kind == TREE_LIST ? "list" : "map");
	key->kind = TREE_BROKEN;
}

static int too_much_aliased(struct reader *reader, yaml_mark_t mark) {
	REPORT(reader, mark, "more than %d values or %d levels by aliases; write them out",
	       YAML_ALIASED_MAX, YAML_DEPTH_MAX);
	return -EINVAL;
}

/* Fills copy with what node holds, at a place of its own in the tree; each part keeps the place in
 * the file where it was written. */
static int copy_node(struct yaml_node *copy, struct reader *reader, const struct yaml_node *node,
                     size_t depth, yaml_mark_t mark) {
	struct yaml_node **tail = &copy->first;

	if (++reader->n_aliased > YAML_ALIASED_MAX || depth > YAML_DEPTH_MAX)
		return too_much_aliased(reader, mark);
	*copy = *node;
	copy->first = copy->next = NULL;
	copy->text = node->text != NULL ? strdup(node->text) : NULL;
	if (node->text != NULL && copy->text == NULL)
		return -ENOMEM;
	for (const struct yaml_node *child = node->first; child != NULL; child = child->next) {
		int error;

		*tail = calloc(1, sizeof(**tail));
		if (*tail == NULL)
			return -ENOMEM;
		error = copy_node(*tail, reader, child, depth + 1, mark);
		if (error < 0)
			return error;
		tail = &(*tail)->next;
	}
	return 0;
}

static int read_alias(struct yaml_node *node, struct reader *reader, const yaml_event_t *event,
                      size_t depth) {
	const char *name = (const char *)event->data.alias.anchor;

	/* A later anchor of that name counts more. */
	for (size_t i = reader->n_anchors; i > 0; i--)
		if (strcmp(reader->anchors[i - 1].name, name) == 0)
			return copy_node(node, reader, reader->anchors[i - 1].node, depth,
			                 event->start_mark);
	node->kind = TREE_BROKEN;
	REPORT(reader, event->start_mark,
	       "*%.60s: no anchor &%.60s stands before it (a pattern that begins with * must be "
	       "quoted)",
	       name, name);
	return 0;
}

static const yaml_char_t *anchor_of(const yaml_event_t *event) {
	switch (event->type) {
	case YAML_SCALAR_EVENT: return event->data.scalar.anchor;
	case YAML_SEQUENCE_START_EVENT: return event->data.sequence_start.anchor;
	case YAML_MAPPING_START_EVENT: return event->data.mapping_start.anchor;
	default: /* libyaml's */ return NULL;
	}
}

static int keep_anchor(struct reader *reader, const yaml_event_t *event,
                       const struct yaml_node *node) {
	const yaml_char_t *name = anchor_of(event);
	struct anchor *anchor = &reader->anchors[reader->n_anchors];

	if (name == NULL)
		return 0;
	if (reader->n_anchors == ANCHORS_MAX) {
		REPORT(reader, event->start_mark, "&%.60s: more than %d anchors",
		       (const char *)name, ANCHORS_MAX);
		return -EINVAL;
	}
	anchor->name = strdup((const char *)name);
	anchor->node = node;
	if (anchor->name == NULL)
		return -ENOMEM;
	reader->n_anchors++;
	return 0;
}

static int read_node(struct yaml_node **ret, struct reader *reader, const yaml_event_t *event,
                     size_t depth);

static int read_children(struct yaml_node *node, struct reader *reader, yaml_event_type_t end,
                         size_t depth) {
	struct yaml_node **tail = &node->first;

	for (;;) {
		CLEANUP(yaml_event_delete) yaml_event_t event = {0};
		int error = next_event(reader, &event);

		if (error < 0 || event.type == end)
			return error;
		error = read_node(tail, reader, &event, depth + 1);
		if (error < 0)
			return error;
		if (node->kind == TREE_MAP && node->count % 2 == 0)
			check_key(reader, *tail);
		tail = &(*tail)->next;
		node->count++;
	}
}

static int read_node(struct yaml_node **ret, struct reader *reader, const yaml_event_t *event,
                     size_t depth) {
	CLEANUP(free_tree) struct yaml_node *node = NULL;
	int error = node_new(&node, reader, event->start_mark);

	if (error < 0)
		return error;
	if (depth > YAML_DEPTH_MAX) {
		REPORT(reader, event->start_mark, "more than %d levels; no policy needs as many",
		       YAML_DEPTH_MAX);
		return -EINVAL;
	}
	switch (event->type) {
	case YAML_SCALAR_EVENT: error = read_scalar(node, reader, event); break;
	case YAML_SEQUENCE_START_EVENT:
		node->kind = TREE_LIST;
		check_tag(reader, event->start_mark, event->data.sequence_start.tag);
		error = read_children(node, reader, YAML_SEQUENCE_END_EVENT, depth);
		break;
	case YAML_MAPPING_START_EVENT:
		node->kind = TREE_MAP;
		check_tag(reader, event->start_mark, event->data.mapping_start.tag);
		error = read_children(node, reader, YAML_MAPPING_END_EVENT, depth);
		if (error == 0)
			error = check_duplicates(reader, node);
		break;
	case YAML_ALIAS_EVENT: error = read_alias(node, reader, event, depth); break;
	default: /* libyaml's, which sends nothing else here */ return -EINVAL;
	}
	if (error == 0)
		error = keep_anchor(reader, event, node);
	if (error < 0)
		return error;
	*ret = TAKE(node);
	return 0;
}

/* The event of that type, whose contents nobody needs, or the end of the stream before it. */
static int skip_to(struct reader *reader, yaml_event_type_t type, yaml_mark_t *ret_mark,
                   bool *ret_found) {
	CLEANUP(yaml_event_delete) yaml_event_t event = {0};
	int error = next_event(reader, &event);

	if (error < 0)
		return error;
	*ret_found = event.type == type;
	*ret_mark = event.start_mark;
	return 0;
}

static int read_root(struct yaml_node **ret, struct reader *reader) {
	CLEANUP(yaml_event_delete) yaml_event_t event = {0};
	int error = next_event(reader, &event);

	return error < 0 ? error : read_node(ret, reader, &event, 1);
}

static int read_stream(struct yaml_node **ret, struct reader *reader) {
	CLEANUP(free_tree) struct yaml_node *root = NULL;
	yaml_mark_t mark = {0};
	bool found = false;
	int error = skip_to(reader, YAML_STREAM_START_EVENT, &mark, &found);

	if (error == 0)
		error = skip_to(reader, YAML_DOCUMENT_START_EVENT, &mark, &found);
	if (error < 0)
		return error;
	if (!found) {
		problems_add(reader->problems, reader->file, 0, 0,
		             "the file is empty, or has nothing but comments");
		return -EINVAL;
	}
	error = read_root(&root, reader);
	if (error == 0)
		error = skip_to(reader, YAML_DOCUMENT_END_EVENT, &mark, &found);
	if (error == 0)
		error = skip_to(reader, YAML_STREAM_END_EVENT, &mark, &found);
	if (error < 0)
		return error;
	if (!found) {
		REPORT(reader, mark, "a second YAML document; a file has one alone");
		return -EINVAL;
	}
	*ret = TAKE(root);
	return 0;
}

int yaml_tree_parse(struct yaml_node **ret, struct bytes text, const char *file,
                    struct problems *problems) {
	CLEANUP(free_reader)
	struct reader reader = {.text = text, .file = file, .problems = problems};

	if (!yaml_text_check(&reader.text, file, problems))
		return -EINVAL;
	if (!yaml_parser_initialize(&reader.parser))
		return -ENOMEM;
	/* Set, or libyaml would guess, and take UTF-16 in the middle of nowhere. */
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	/* An empty file has no bytes, and libyaml ends the program where there is no pointer. */
	if (reader.text.data == NULL)
		reader.text = bytes_of_text("");
	yaml_parser_set_input_string(&reader.parser, reader.text.data, reader.text.len);
	return read_stream(ret, &reader);
}
