// A site thread that never answers.
for (;;) Math.sqrt(2);
