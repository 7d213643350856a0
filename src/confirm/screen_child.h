/* Asks the login manager for the state of this user's screens. */
#ifndef CONFIRM_SCREEN_CHILD_H
#define CONFIRM_SCREEN_CHILD_H

/* For a child, which blocks. Writes SCREEN_LOCKED or SCREEN_OPEN to the descriptor, at first and
 * with each change. Returns where nobody can tell (any more). */
#define SCREEN_LOCKED 'L'
#define SCREEN_OPEN   'O'
void screen_child_watch(int fd);

#endif
