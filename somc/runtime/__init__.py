"""The running hall: one door, one deciding task, deadlines, followers."""
