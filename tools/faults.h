/* SPDX-License-Identifier: GPL-2.0 */
/* [faults]: what the rows do not say about the page faults of a process. */
#ifndef FAULTS_H
#define FAULTS_H

#include "options.h"
#include "report.h"

void faults_heading(const struct report *report);
void faults_notes(const struct report *report);
struct libscols_table *faults_table(const struct options *opts);
void faults_add(struct libscols_table *table, const struct report *report);
void faults_print(struct libscols_table *table);

#endif /* FAULTS_H */
