/* The merges file as read-only data; BAYESPFL_VOCABULARY_FILE is its path. */
    .section .rodata
    .global bayespfl_vocabulary_begin
    .global bayespfl_vocabulary_end
bayespfl_vocabulary_begin:
    .incbin BAYESPFL_VOCABULARY_FILE
bayespfl_vocabulary_end:
    .section .note.GNU-stack, "", @progbits
