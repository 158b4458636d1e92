/**
 * With Redis Streams, accepting a job also writes its entry to the queue, in one script: nothing
 * is left to publish, and no crash can come between the two.
 */
export const acceptsInStream = true;
