#ifndef GREETING_H
#define GREETING_H

/* Greets `name`; free the result with greeting_free. */
char *greeting(const char *name);
void greeting_free(char *text);

#endif
