#include "agent/doors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/listener.h"
#include "policy/endpoint.h"

struct door {
	struct doors *doors;
	struct door *next;
	char *name, *path;
	mode_t mode;
	struct listener *listener;
};

struct doors {
	struct ev_loop *loop;
	struct doors_calls calls;
	struct door *first;
};

static int on_accepted(void *data, int fd) {
	struct door *door = data;

	return door->doors->calls.accepted(door->doors->calls.data, fd, door->name);
}

static void on_replaced(void *data, int error) {
	struct door *door = data;

	door->doors->calls.replaced(door->doors->calls.data, door->path, error);
}

static void on_paused(void *data, int error) {
	struct door *door = data;

	door->doors->calls.paused(door->doors->calls.data, error);
}

static void door_free(struct door *door) {
	listener_free(door->listener);
	free(door->name);
	free(door->path);
	free(door);
}

/* *ret_why is a sentence, owned by the caller, or NULL. */
static int door_open(struct door *door, char **ret_why) {
	const struct listener_calls calls = {on_accepted, on_replaced, on_paused, door};
	int error;

	if (door->name == NULL || door->path == NULL)
		return -ENOMEM;
	if (door->doors->calls.forbidden(door->doors->calls.data, door->path)) {
		*ret_why = strdup("that is another socket of the guard's, or the real agent's");
		return -EEXIST;
	}
	error = listener_new(&door->listener, ret_why, door->doors->loop, door->path, &calls);
	if (error < 0)
		return error;
	listener_set_mode(door->listener, door->mode);
	return listener_start(door->listener);
}

static void doors_add(struct doors *doors, const struct endpoint *endpoint) {
	struct door *door = calloc(1, sizeof(*door));
	CLEANUP(free_pointer) char *why = NULL;
	int error;

	if (door == NULL) {
		doors->calls.failed(doors->calls.data, endpoint->path, strerror(ENOMEM));
		return;
	}
	*door = (struct door){
		.doors = doors,
		.name = strdup(endpoint->name),
		.path = strdup(endpoint->path),
		.mode = endpoint->mode,
	};
	error = door_open(door, &why);
	if (error < 0) {
		doors->calls.failed(doors->calls.data, endpoint->path,
		                    why != NULL ? why : strerror(-error));
		door_free(door);
		return;
	}
	door->next = doors->first;
	doors->first = door;
}

static bool is_same(const struct door *door, const struct endpoint *endpoint) {
	return strcmp(door->name, endpoint->name) == 0 && strcmp(door->path, endpoint->path) == 0 &&
	       door->mode == endpoint->mode;
}

void doors_set(struct doors *doors, const struct policy *policy) {
	size_t n_endpoints;
	const struct endpoint *endpoints = policy_endpoints(policy, &n_endpoints);

	for (struct door **link = &doors->first; *link != NULL;) {
		struct door *door = *link;
		size_t i = 0;

		while (i < n_endpoints && !is_same(door, &endpoints[i]))
			i++;
		if (i < n_endpoints) {
			link = &door->next;
			continue;
		}
		*link = door->next;
		door_free(door);
	}
	for (size_t i = 0; i < n_endpoints; i++) {
		const struct door *door = doors->first;

		while (door != NULL && !is_same(door, &endpoints[i]))
			door = door->next;
		if (door == NULL)
			doors_add(doors, &endpoints[i]);
	}
}

void doors_resume(struct doors *doors) {
	for (struct door *door = doors->first; door != NULL; door = door->next)
		listener_resume(door->listener);
}

int doors_new(struct doors **ret, struct ev_loop *loop, const struct doors_calls *calls) {
	struct doors *doors = calloc(1, sizeof(*doors));

	if (doors == NULL)
		return -ENOMEM;
	*doors = (struct doors){.loop = loop, .calls = *calls};
	*ret = doors;
	return 0;
}

void doors_free(struct doors *doors) {
	if (doors == NULL)
		return;
	while (doors->first != NULL) {
		struct door *door = doors->first;

		doors->first = door->next;
		door_free(door);
	}
	free(doors);
}
