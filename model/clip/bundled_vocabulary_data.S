/* The merges file as read-only data; BAYESPFL_VOCABULARY_FILE is its path. */
    .section .rodata
    .global bayespfl_vocabulary_data
    .global bayespfl_vocabulary_size
    .balign 8
bayespfl_vocabulary_size:
    .quad bayespfl_vocabulary_end - bayespfl_vocabulary_data
bayespfl_vocabulary_data:
    .incbin BAYESPFL_VOCABULARY_FILE
bayespfl_vocabulary_end:
    .section .note.GNU-stack, "", @progbits
