"""What other downloaders leave behind, brought in: lists of links, feeds, queues, subscriptions, archives."""
