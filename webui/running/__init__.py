"""Running work: jobs, generations, tasks, switching the model."""
