#include "policy/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/rule.h"

const struct endpoint *policy_endpoints(const struct policy *policy, size_t *ret_count) {
	*ret_count = policy->n_endpoints;
	return policy->endpoints;
}

void endpoints_deinit(struct policy *policy) {
	for (size_t i = 0; i < policy->n_endpoints; i++) {
		free(policy->endpoints[i].name);
		free(policy->endpoints[i].path);
	}
	free(policy->endpoints);
}

static bool is_name(struct reading *reading, const struct yaml_node *key) {
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_-";
	const char *wrong = NULL;

	if (key->kind != TREE_TEXT)
		return false;
	if (*key->text == '\0' || key->text[strspn(key->text, letters)] != '\0')
		wrong = "a name has letters, digits, _ and - alone";
	else if (strlen(key->text) > ENDPOINT_NAME_LEN_MAX)
		wrong = "more than 32 bytes; shorten it";
	else if (strcmp(key->text, "default") == 0)
		wrong = "that is the guard's own socket; choose another name";
	if (wrong != NULL)
		REPORT(reading, key, "endpoints: %.60s: %s", key->text, wrong);
	return wrong == NULL;
}

/* NULL, with a problem, where it is no path; -ENOMEM in *ret_error. Owned by the caller. */
static char *read_place(struct reading *reading, const struct yaml_node *value, int *ret_error) {
	const char *text = read_text(reading, "path", value);
	const char *home = reading->context.home;
	char *path = NULL;

	if (text == NULL)
		return NULL;
	if (text[0] == '/')
		path = strdup(text);
	else if (strncmp(text, "~/", 2) != 0)
		REPORT(reading, value, "path: %.60s: write it from / or ~/ on", text);
	else if (home == NULL)
		REPORT(reading, value, "path: %.60s: HOME does not say where that is", text);
	else if (asprintf(&path, "%s%s", home, text + 1) < 0)
		path = NULL;
	if (path == NULL && (text[0] == '/' || (home != NULL && text[0] == '~')))
		*ret_error = -ENOMEM;
	return path;
}

static int read_endpoint(struct policy *policy, struct reading *reading,
                         const struct yaml_node *key) {
	static const char *const names[] = {"path"};
	struct endpoint *endpoint = &policy->endpoints[policy->n_endpoints];
	const struct yaml_node *map = key->next;
	int error = 0;

	if (!read_map(reading, key->text, map, "write path: and where the socket is to be"))
		return 0;
	if (map->count == 0)
		REPORT(reading, map, "path: missing; write where the socket is to be");
	for (const struct yaml_node *field = map->first; field != NULL; field = field->next->next) {
		if (field->kind == TREE_BROKEN)
			continue;
		if (strcmp(field->text, "path") != 0) {
			report_unknown_field(reading, field, names, 1);
			continue;
		}
		free(endpoint->path);
		endpoint->path = read_place(reading, field->next, &error);
	}
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
