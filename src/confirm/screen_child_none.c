/* Where there is no libsystemd. */
#include "confirm/screen_child.h"

void screen_child_watch(int fd) {
	(void)fd;
}
