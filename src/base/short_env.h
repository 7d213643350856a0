/*
 * What programs get of our environment that we start for a person (a question in a window, a
 * notification): what a window needs, and nothing else.
 */
#ifndef BASE_SHORT_ENV_H
#define BASE_SHORT_ENV_H

#define SHORT_ENV_SIZE 12 /* with the NULL */

/* For a forked child, whose memory is never given back. extra: one more, "NAME=value"; NULL. */
void short_env(char *ret[SHORT_ENV_SIZE], char *extra);

#endif
