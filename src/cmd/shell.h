/* What a shell evaluates to use the guard. */
#ifndef CMD_SHELL_H
#define CMD_SHELL_H

/* Prints "SSH_AUTH_SOCK='...'; export SSH_AUTH_SOCK;" to standard output, so quoted that any
 * Bourne shell takes exactly this path. 0, or -errno where it could not be written. */
int shell_print_socket(const char *path);

#endif
