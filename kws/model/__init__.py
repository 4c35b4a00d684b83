"""What is learnt, and from what: the zoo, examples, augmentation, batches."""
