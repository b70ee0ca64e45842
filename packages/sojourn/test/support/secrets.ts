/** Secrets of the tests: random-looking, used nowhere else. */
export const TEST_SECRET = "qJ8xv2LwZb5nT0sKd7YhRf3mUc9PaE1gXi6oB4tNlVw";
export const OLDER_SECRET = "Wm3kZp8rQx1vTn6bYc0sHd5gLf9jUa2eRi7oXw4tKlN";
export const FIELD_KEY = "fK2pXw9vRtB7nYq4Lc6mZs1dHj8gEa3uTo5iVb0xQeN";
export const NEXT_FIELD_KEY = "nD6tGh3yMk8sPz1rWq5bJx9vLc2fUa7eKo4iTn0wRmY";
