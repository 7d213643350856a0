#include "policy/include.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "policy/reading.h"
#include "policy/rule.h"

#define SHA256_LEN 32

struct gatherer {
	struct parts *parts;
	struct policy *policy;
	const struct surroundings *surroundings; /* NULL: nothing is known */
	struct reading reading;                  /* where problems go */
	size_t len_left;                         /* of all files together */
	size_t n_nodes;
	/* "sha256\n" of each file, in the order in which they are met: of one alone it is that of
	 * the file, else the SHA-256 of these lines. */
	char sums[(INCLUDES_MAX + 1) * (2 * SHA256_LEN + 1) + 1];
	bool waits; /* for a file that nobody has read yet */
};

void parts_deinit(struct parts *parts) {
	for (size_t i = 0; i < parts->count; i++)
		yaml_tree_free(parts->items[i].root);
}

/* ---- hashes ---- */

static int sha256_text(char ret[static 2 * SHA256_LEN + 1], struct bytes text) {
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;

	if (EVP_Digest(text.data, text.len, digest, &digest_len, EVP_sha256(), NULL) != 1 ||
	    digest_len != SHA256_LEN)
		return -ENOMEM;
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(ret + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static int add_sum(struct gatherer *gatherer, struct bytes text) {
	size_t len = strlen(gatherer->sums);
	int error = sha256_text(gatherer->sums + len, text);

	if (error == 0)
		strcat(gatherer->sums, "\n");
	return error;
}

static int set_sha256(const struct gatherer *gatherer) {
	if (gatherer->policy->n_included > 0)
		return sha256_text(gatherer->policy->sha256, bytes_of_text(gatherer->sums));
	memcpy(gatherer->policy->sha256, gatherer->sums, 2 * (size_t)SHA256_LEN);
	return 0;
}

/* ---- paths ---- */

/* Without "./" and "//", so that one file has one name. ".." stays: what it means, links say. */
static void tidy(char *path) {
	char *to = path;

	for (const char *from = path; *from != '\0';) {
		bool begins = to == path || to[-1] == '/';

		if (begins && from[0] == '.' && from[1] == '/')
			from += 2;
		else if (begins && from != path && from[0] == '/')
			from++;
		else
			*to++ = *from++;
	}
	*to = '\0';
}

/* The path of what node includes; NULL, with a problem, where it is none, or no memory
 * (*ret_error). Owned by the caller. */
static char *resolve(struct gatherer *gatherer, const struct yaml_node *node, int *ret_error) {
	const char *home = gatherer->reading.context.home;
	const char *text = read_text(&gatherer->reading, "include", node);
	const char *slash = strrchr(node->file, '/');
	int directory_len = slash != NULL ? (int)(slash - node->file) + 1 : 0;
	char *path = NULL;
	int len = 0;

	if (text == NULL)
		return NULL;
	if (gatherer->policy->is_floor && strchr(text, '/') != NULL) {
		REPORT(&gatherer->reading, node,
		       "include: %.60s: a floor includes files of its own directory alone; write "
		       "a name without \"/\"",
		       text);
		return NULL;
	}
	if (strncmp(text, "~/", 2) == 0 && home == NULL) {
		REPORT(&gatherer->reading, node, "include: %.60s: HOME does not say where that is",
		       text);
		return NULL;
	}
	if (text[0] == '/')
		len = asprintf(&path, "%s", text);
	else if (strncmp(text, "~/", 2) == 0)
		len = asprintf(&path, "%s%s", home, text + 1);
	else
		len = asprintf(&path, "%.*s%s", directory_len, node->file, text);
	if (len < 0) {
		*ret_error = -ENOMEM;
		return NULL;
	}
	tidy(path);
	return path;
}

/* Its rules would stand twice; and so there are no cycles, but by links. */
static bool is_known(const struct gatherer *gatherer, const char *path) {
	if (strcmp(gatherer->policy->path, path) == 0)
		return true;
	for (size_t i = 0; i < gatherer->policy->n_included; i++)
		if (strcmp(gatherer->policy->included[i], path) == 0)
			return true;
	return false;
}

/* ---- files ---- */

static int gather(struct gatherer *gatherer, const char *file, struct bytes text, size_t depth);

/* Whether it may be used; what is wrong is told where it is included, which is where to look. */
static bool is_usable(struct gatherer *gatherer, const struct yaml_node *node, const char *path,
                      const struct policy_file *found) {
	CLEANUP(problems_deinit) struct problems wrong = {0};

	if (policy_file_check(found, gatherer->policy->is_floor, &wrong) == 0)
		return true;
	for (size_t i = 0; i < wrong.count; i++)
		REPORT(&gatherer->reading, node, "include: %.200s: %s", path, wrong.items[i].text);
	return false;
}

/* false: with a problem. */
static bool is_sound(struct gatherer *gatherer, const struct yaml_node *node, const char *path,
                     const struct policy_file *found) {
	struct reading *reading = &gatherer->reading;

	if (found->error == -ENOENT)
		REPORT(reading, node, "include: %.200s: not there", path);
	else if (!gatherer->surroundings->source->any_owner || found->error < 0)
		return is_usable(gatherer, node, path, found);
	return found->error == 0;
}

static int take(struct gatherer *gatherer, const struct yaml_node *node, char *path, size_t depth) {
	const struct policy_source *source = gatherer->surroundings->source;
	struct policy *policy = gatherer->policy;
	struct policy_file found = {0};
	int error;

	policy->included[policy->n_included++] = path;
	error = source->find(source->data, path, &found);
	if (error == -EINPROGRESS)
		gatherer->waits = true;
	if (error < 0)
		return error == -EINPROGRESS ? 0 : error;
	found.path = path;
	if (!is_sound(gatherer, node, path, &found))
		return 0;
	if (found.text.len > gatherer->len_left) {
		REPORT(&gatherer->reading, node,
		       "include: %.200s: more than %d bytes in all files together", path,
		       POLICY_LEN_MAX);
		return 0;
	}
	return gather(gatherer, path, found.text, depth + 1);
}

static int include_one(struct gatherer *gatherer, const struct yaml_node *node, size_t depth) {
	struct policy *policy = gatherer->policy;
	CLEANUP(free_pointer) char *path = NULL;
	int error = 0;

	if (gatherer->surroundings == NULL || gatherer->surroundings->source == NULL) {
		REPORT(&gatherer->reading, node,
		       "include: only a policy that is a file can include others");
		return 0;
	}
	path = resolve(gatherer, node, &error);
	if (path == NULL)
		return error;
	if (is_known(gatherer, path))
		REPORT(&gatherer->reading, node,
		       "include: %.200s: included already, or the policy itself; remove it here",
		       path);
	else if (policy->n_included == INCLUDES_MAX)
		REPORT(&gatherer->reading, node, "include: %.200s: more than %d files", path,
		       INCLUDES_MAX);
	else if (depth == INCLUDE_DEPTH_MAX)
		REPORT(&gatherer->reading, node,
		       "include: %.200s: more than %d levels; do they include each other?", path,
		       INCLUDE_DEPTH_MAX);
	else
		return take(gatherer, node, TAKE(path), depth);
	return 0;
}

static int include_all(struct gatherer *gatherer, const struct yaml_node *value, size_t depth) {
	const struct yaml_node *item = value->kind == TREE_LIST ? value->first : value;
	int error = 0;

	if (value->kind == TREE_LIST && value->count == 0)
		REPORT(&gatherer->reading, value,
		       "include: an empty list; write a file or leave the field out");
	for (; item != NULL && error == 0; item = value->kind == TREE_LIST ? item->next : NULL)
		error = include_one(gatherer, item, depth);
	return error;
}

static void free_tree(struct yaml_node **root) {
	yaml_tree_free(*root);
}

static bool is_too_much(struct gatherer *gatherer, const struct yaml_node *root) {
	bool was = gatherer->n_nodes > YAML_NODES_MAX;

	gatherer->n_nodes += yaml_tree_size(root);
	if (gatherer->n_nodes > YAML_NODES_MAX && !was)
		REPORT(&gatherer->reading, root, "more than %d values in all files together",
		       YAML_NODES_MAX);
	return gatherer->n_nodes > YAML_NODES_MAX;
}

/* file must live as long as the policy. */
static int gather(struct gatherer *gatherer, const char *file, struct bytes text, size_t depth) {
	CLEANUP(free_tree) struct yaml_node *root = NULL;
	int error = add_sum(gatherer, text);

	if (gatherer->surroundings != NULL && gatherer->surroundings->copy != NULL) {
		buffer_put_string(gatherer->surroundings->copy, bytes_of_text(file));
		buffer_put_string(gatherer->surroundings->copy, text);
	}
	gatherer->len_left -= text.len < gatherer->len_left ? text.len : gatherer->len_left;
	if (error == 0)
		error = yaml_tree_parse(&root, text, file, gatherer->reading.problems);
	if (error < 0) /* of one that is included, that is told, and the others are read */
		return error == -EINVAL && depth > 0 ? 0 : error;
	if (is_too_much(gatherer, root))
		return depth > 0 ? 0 : -EINVAL;
	for (const struct yaml_node *key = root->kind == TREE_MAP ? root->first : NULL;
	     key != NULL && error == 0; key = key->next->next)
		if (key->kind == TREE_TEXT && strcmp(key->text, "include") == 0 &&
		    key->next->kind != TREE_BROKEN)
			error = include_all(gatherer, key->next, depth);
	gatherer->parts->items[gatherer->parts->count++].root = TAKE(root);
	return error;
}

int parts_gather(struct parts *ret, struct policy *policy, struct bytes text,
                 const struct surroundings *surroundings, struct problems *problems) {
	struct gatherer gatherer = {
		.parts = ret,
		.policy = policy,
		.surroundings = surroundings,
		.reading = {.problems = problems,
	                    .context = {.home = surroundings != NULL ? surroundings->home : NULL}},
		.len_left = POLICY_LEN_MAX,
	};
	int error = gather(&gatherer, policy->path, text, 0);

	if (error == 0 && gatherer.waits)
		return -EINPROGRESS;
	return error == 0 ? set_sha256(&gatherer) : error;
}
