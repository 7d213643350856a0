#include "confirm/window.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/platform.h"

#define PATHS_MAX 64 /* twice what is put into one of the lists */

/* Below the home: fonts, colours, icons, pointers, keys that compose, and the program's own
 * settings, of those that are known to be used for a question. No directory of settings as a whole,
 * where browsers and command line tools keep what lets them in. */
static const char *const looks[] = {
	".ICEauthority",
	".Xauthority",
	".XCompose",
	".Xdefaults",
	".Xresources",
	".cache/fontconfig",
	".config/Kvantum",
	".config/dconf",
	".config/fontconfig",
	".config/fuzzel",
	".config/gtk-2.0",
	".config/gtk-3.0",
	".config/gtk-4.0",
	".config/kdedefaults",
	".config/kdeglobals",
	".config/ksshaskpassrc",
	".config/qt5ct",
	".config/qt6ct",
	".config/rofi",
	".config/wofi",
	".config/xsettingsd",
	".fontconfig",
	".fonts",
	".fonts.conf",
	".gtkrc-2.0",
	".icons",
	".local/share/fonts",
	".local/share/icons",
	".local/share/mime",
	".local/share/rofi",
	".local/share/themes",
	".themes",
};

/* In a child whose memory is never given back. */
struct paths {
	const char *at[PATHS_MAX];
	size_t count;
};

__attribute__((format(printf, 2, 3))) static void add(struct paths *paths, const char *format,
                                                      ...) {
	va_list arguments;
	char *path;

	va_start(arguments, format);
	if (vasprintf(&path, format, arguments) >= 0 && paths->count < PATHS_MAX)
		paths->at[paths->count++] = path;
	va_end(arguments);
}

static void add_looks(struct paths *paths) {
	const char *home = getenv("HOME"), *cookies = getenv("XAUTHORITY");

	for (size_t i = 0; home != NULL && home[0] == '/' && i < sizeof(looks) / sizeof(looks[0]);
	     i++)
		add(paths, "%s/%s", home, looks[i]);
	if (cookies != NULL && cookies[0] == '/')
		add(paths, "%s", cookies);
}

/* ":0", "unix:0" and the like: a display of this machine. */
static bool is_local(const char *display) {
	return display == NULL || display[0] == ':' || display[0] == '/' ||
	       strncmp(display, "unix:", strlen("unix:")) == 0;
}

/* The path in a D-Bus address, of those in it the first; what is written with a % is not found. */
static void add_bus(struct paths *paths, const char *address) {
	static const char before[] = "unix:path=";

	if (strncmp(address, before, strlen(before)) == 0) {
		address += strlen(before);
		add(paths, "%.*s", (int)strcspn(address, ",;"), address);
	}
}

static void add_sockets(struct paths *paths) {
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *wayland = getenv("WAYLAND_DISPLAY");
	const char *bus = getenv("DBUS_SESSION_BUS_ADDRESS"), *display = getenv("DISPLAY");

	add(paths, "/tmp/.X11-unix");
	add(paths, "/tmp/.ICE-unix");
	if (display != NULL && display[0] == '/')
		add(paths, "%.*s", (int)strcspn(display, ":"), display);
	if (wayland != NULL && wayland[0] == '/')
		add(paths, "%s", wayland);
	if (bus != NULL)
		add_bus(paths, bus);
	if (runtime == NULL || runtime[0] != '/')
		return;
	if (wayland == NULL || wayland[0] != '/')
		add(paths, "%s/%s", runtime, wayland != NULL ? wayland : "wayland-0");
	if (bus == NULL)
		add(paths, "%s/bus", runtime);
	add(paths, "%s/at-spi", runtime); /* screen readers */
}

/* A script often calls others that lie beside it. Not where it lies anywhere else: that could be
 * the home as a whole. */
static void add_companions(struct paths *paths, const char *program) {
	static const char name[] = "/bin";
	const char *slash = strrchr(program, '/'), *home = getenv("HOME");
	size_t len = slash != NULL ? (size_t)(slash - program) : 0;

	if (len < strlen(name) || strncmp(slash - strlen(name), name, strlen(name)) != 0)
		return;
	if (home == NULL || strncmp(home, program, len) != 0)
		add(paths, "%.*s", (int)len, program);
}

int window_confine(const char *program) {
	struct paths seen = {.count = 0}, run = {.count = 0}, sockets = {.count = 0};

	add(&run, "%s", program);
	add_companions(&run, program);
	add_looks(&seen);
	add_sockets(&sockets);
	return platform_confine_window(&(struct platform_window){
		.programs = run.at,
		.n_programs = run.count,
		.readable = seen.at,
		.n_readable = seen.count,
		.sockets = sockets.at,
		.n_sockets = sockets.count,
		.is_remote = !is_local(getenv("DISPLAY")),
	});
}
