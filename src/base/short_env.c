#include "base/short_env.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const passed_on[] = {
	"DISPLAY",
	"WAYLAND_DISPLAY",
	"XAUTHORITY",
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
	"HOME",
	"LANG",
	"LC_ALL",
	"LC_CTYPE",
};
#define PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))

_Static_assert(PASSED_ON + 3 == SHORT_ENV_SIZE, "PATH, the extra one and a NULL");

void short_env(char *ret[SHORT_ENV_SIZE], char *extra) {
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	size_t n = 0;

	ret[n++] = path;
	if (extra != NULL)
		ret[n++] = extra;
	for (size_t i = 0; i < PASSED_ON; i++) {
		const char *value = getenv(passed_on[i]);

		if (value != NULL && asprintf(&ret[n], "%s=%s", passed_on[i], value) >= 0)
			n++;
	}
	ret[n] = NULL;
}
