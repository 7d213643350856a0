#include "policy/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rule.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

const struct endpoint *policy_endpoints(const struct policy *policy, size_t *ret_count) {
	*ret_count = policy->n_endpoints;
	return policy->endpoints;
}

const struct endpoint *policy_endpoint_find(const struct policy *policy, const char *name) {
	for (size_t i = 0; i < policy->n_endpoints; i++)
		if (strcmp(policy->endpoints[i].name, name) == 0)
			return &policy->endpoints[i];
	return NULL;
}

bool endpoint_is_of_exec(const char *name) {
	return name != NULL && strncmp(name, ENDPOINT_EXEC, strlen(ENDPOINT_EXEC)) == 0;
}

bool endpoint_label_is_good(const char *label) {
	size_t len = strspn(label, LETTERS ".");

	return len > 0 && label[len] == '\0' &&
	       len <= ENDPOINT_NAME_LEN_MAX - strlen(ENDPOINT_EXEC);
}

void endpoints_deinit(struct policy *policy) {
	for (size_t i = 0; i < policy->n_endpoints; i++) {
		free(policy->endpoints[i].name);
		free(policy->endpoints[i].path);
	}
	free(policy->endpoints);
}

static bool is_name(struct reading *reading, const struct yaml_node *key) {
	const char *wrong = NULL;

	if (key->kind != TREE_TEXT)
		return false;
	if (*key->text == '\0' || key->text[strspn(key->text, LETTERS)] != '\0')
		wrong = "a name has letters, digits, _ and - alone";
	else if (strlen(key->text) > ENDPOINT_NAME_LEN_MAX)
		wrong = "more than 32 bytes; shorten it";
	else if (strcmp(key->text, "default") == 0)
		wrong = "that is the guard's own socket; choose another name";
	if (wrong != NULL)
		REPORT(reading, key, "endpoints: %.60s: %s", key->text, wrong);
	return wrong == NULL;
}

/* Of the user himself all must be allowed, and of nobody what a socket has no use for. As a number
 * it is octal, whatever YAML makes of it. */
static void read_mode(struct endpoint *endpoint, struct reading *reading,
                      const struct yaml_node *value) {
	const char *text = value->kind == TREE_TEXT ? value->text : "";
	size_t len = strspn(text, "01234567");
	unsigned long mode = strtoul(text, NULL, 8);

	if (text[len] != '\0' || len < 3 || len > 4 || (mode & 0600) != 0600 ||
	    (mode & ~0666UL) != 0)
		REPORT(reading, value, "mode: %.60s: write 0600, 0660 or 0666",
		       *text != '\0' ? text : "no text");
	else
		endpoint->mode = (mode_t)mode;
}

static void read_from(struct endpoint *endpoint, struct reading *reading,
                      const struct yaml_node *value) {
	static const char *const words[] = {"anywhere", "container"};

	endpoint->from_container = read_word(reading, "from", value, words, 2) == 1;
}

static int read_endpoint(struct policy *policy, struct reading *reading,
                         const struct yaml_node *key) {
	static const char *const names[] = {"path", "mode", "from"};
	struct endpoint *endpoint = &policy->endpoints[policy->n_endpoints];
	const struct yaml_node *map = key->next;
	bool has_path = false;
	int error = 0;

	if (!read_map(reading, key->text, map, "write path: and where the socket is to be"))
		return 0;
	endpoint->mode = ENDPOINT_MODE;
	for (const struct yaml_node *field = map->first; field != NULL; field = field->next->next) {
		if (field->kind == TREE_BROKEN)
			continue;
		if (strcmp(field->text, "mode") == 0) {
			read_mode(endpoint, reading, field->next);
		} else if (strcmp(field->text, "from") == 0) {
			read_from(endpoint, reading, field->next);
		} else if (strcmp(field->text, "path") == 0) {
			has_path = true;
			free(endpoint->path);
			endpoint->path = read_place(reading, "path", field->next, &error);
		} else {
			report_unknown_field(reading, field, names,
			                     sizeof(names) / sizeof(names[0]));
		}
	}
	if (!has_path)
		REPORT(reading, map, "path: missing; write where the socket is to be");
	if (endpoint->path == NULL)
		return error;
	endpoint->name = strdup(key->text);
	policy->n_endpoints++;
	return endpoint->name == NULL ? -ENOMEM : 0;
}

int endpoints_read(struct policy *policy, struct reading *reading, const struct yaml_node *map) {
	int error = 0;

	if (policy->endpoints != NULL ||
	    !read_map(reading, "endpoints", map, "write NAME: {path: PLACE}"))
		return 0;
	if (policy->is_floor) {
		REPORT(reading, map, "endpoints: a floor opens nothing; leave them to the policy");
		return 0;
	}
	if (map->count / 2 > ENDPOINTS_MAX) {
		REPORT(reading, map, "endpoints: more than %d", ENDPOINTS_MAX);
		return 0;
	}
	policy->endpoints = calloc(map->count / 2 + 1, sizeof(*policy->endpoints));
	if (policy->endpoints == NULL)
		return -ENOMEM;
	for (const struct yaml_node *key = map->first; key != NULL && error == 0;
	     key = key->next->next)
		if (is_name(reading, key))
			error = read_endpoint(policy, reading, key);
	return error;
}
