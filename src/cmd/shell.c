#include "cmd/shell.h"

#include <errno.h>
#include <stdio.h>

int shell_print_socket(const char *path) {
	fputs("SSH_AUTH_SOCK='", stdout);
	/* Within single quotes nothing is special but the quote itself. */
	for (const char *c = path; *c != '\0'; c++)
		fputs(*c == '\'' ? "'\\''" : (char[]){*c, '\0'}, stdout);
	fputs("'; export SSH_AUTH_SOCK;\n", stdout);
	return fflush(stdout) != 0 ? -errno : 0;
}
