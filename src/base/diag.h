/*
 * What the guard says to the person who started it, on standard error. One line each, with
 * everything that is not printable escaped: names of files and programs come from strangers.
 *
 * Nothing here blocks: a line that the terminal does not take at once (Ctrl-S) is lost, because
 * the guard must go on answering. What must not be lost goes into the event log.
 */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

/* "ssh-agent-guard: what: why (what to do)" */
void diag_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void diag_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As diag_info(), but only after diag_verbose(). */
void diag_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
void diag_verbose(void);

#endif
