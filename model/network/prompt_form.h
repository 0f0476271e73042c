// How the text tower is fed with a picture's prompts.
#ifndef BAYESPFL_MODEL_NETWORK_PROMPT_FORM_H_
#define BAYESPFL_MODEL_NETWORK_PROMPT_FORM_H_

namespace bayespfl {

// The same numbers but for the order of their sums.
enum class PromptForm {
  kShared,  // rows that several prompts have in common once (shared_prompts.h)
  kWhole,   // every prompt by itself: for comparisons
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_PROMPT_FORM_H_
