#include "confirm/screen_child.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define LOGIND         "org.freedesktop.login1"
#define N_SESSIONS_MAX 64 /* of all users; the rest is not looked at */

static void free_bus(sd_bus **bus) {
	sd_bus_unref(*bus);
}

static void free_message(sd_bus_message **message) {
	sd_bus_message_unref(*message);
}

static bool is_locked(sd_bus *bus, const char *path) {
	int locked = 0;

	return sd_bus_get_property_trivial(bus, LOGIND, path, LOGIND ".Session", "LockedHint", NULL,
	                                   'b', &locked) >= 0 &&
	       locked != 0;
}

/* One of them is enough: who locks one screen is not there. */
static int look(bool *ret, sd_bus *bus) {
	__attribute__((cleanup(free_message))) sd_bus_message *reply = NULL;
	const char *id, *name, *seat, *path;
	uint32_t uid;
	int error = sd_bus_call_method(bus, LOGIND, "/org/freedesktop/login1", LOGIND ".Manager",
	                               "ListSessions", NULL, &reply, "");

	if (error >= 0)
		error = sd_bus_message_enter_container(reply, 'a', "(susso)");
	*ret = false;
	for (int i = 0; error >= 0 && i < N_SESSIONS_MAX; i++) {
		error = sd_bus_message_read(reply, "(susso)", &id, &uid, &name, &seat, &path);
		if (error <= 0)
			break;
		if (uid == (uint32_t)geteuid() && is_locked(bus, path))
			*ret = true;
	}
	return error;
}

/* Who sent it does not matter: all that it makes us do is to look. */
static int on_signal(sd_bus_message *message, void *data, sd_bus_error *error) {
	bool *is_news = data;

	(void)message, (void)error;
	*is_news = true;
	return 0;
}

static int tell(int fd, bool locked) {
	const char state = locked ? SCREEN_LOCKED : SCREEN_OPEN;

	return write(fd, &state, 1) == 1 ? 0 : -1;
}

void screen_child_watch(int fd) {
	__attribute__((cleanup(free_bus))) sd_bus *bus = NULL;
	bool is_news = true, is_first = true, was_locked = false, locked;
	int error = sd_bus_open_system(&bus);

	if (error >= 0)
		error = sd_bus_add_match(bus, NULL,
		                         "type='signal',path_namespace='/org/freedesktop/login1'",
		                         on_signal, &is_news);
	while (error >= 0) {
		if (is_news) {
			is_news = false;
			if (look(&locked, bus) < 0)
				return;
			if ((is_first || locked != was_locked) && tell(fd, locked) < 0)
				return;
			was_locked = locked;
			is_first = false;
		}
		error = sd_bus_process(bus, NULL);
		if (error == 0 && !is_news)
			error = sd_bus_wait(bus, UINT64_MAX);
	}
}
