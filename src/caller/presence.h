/* Whether the person behind a caller sits at this machine. */
#ifndef CALLER_PRESENCE_H
#define CALLER_PRESENCE_H

#include "facts/caller.h"

/*
 * Sets presence and presence_evidence of the caller. What the login manager says counts, if it says
 * where somebody is. Else somebody is remote whose environment or ancestors tell of ssh, and local whose
 * environment tells of a display, while nothing that could tell of ssh is unknown.
 */
void presence_decide(struct caller *caller, enum presence by_manager);
/* The screen is locked: nobody sits in front of it, whatever told so. */
void presence_lock(struct caller *caller);
/* Whoever seems to be local has left for another machine, or may have: the user's own command says
 * so, or fails. */
void presence_leave(struct caller *caller);
void presence_forget(struct caller *caller);

#endif
