/** Secrets of the tests: random-looking, used nowhere else. */
export const TEST_SECRET = "qJ8xv2LwZb5nT0sKd7YhRf3mUc9PaE1gXi6oB4tNlVw";
export const OLDER_SECRET = "Wm3kZp8rQx1vTn6bYc0sHd5gLf9jUa2eRi7oXw4tKlN";
